/**
 * The resolver against real mounts: file systems on loop devices, in a mount namespace. What is written through the
 * capture's mount must be what the host finds in the directory that it looks into.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Probe, Scenario } from '../support/mount-probe.ts';

const PROBE = join(import.meta.dirname, '../support/mount-probe.ts');
const run = (command: string, ...args: string[]) =>
  execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();

/** Root, loop devices, and the tools; a quick check on another machine goes without. */
function canMount(): boolean {
  try {
    run('unshare', '-m', 'losetup', '-f');
    return ['mkfs.ext4', 'mkfs.btrfs', 'btrfs', 'blkid'].every(
      tool => run('sh', '-c', `command -v ${tool}`) !== '',
    );
  } catch {
    return false;
  }
}

const UUIDS = {
  root: '11111111-1111-4111-8111-111111111111',
  var: '22222222-2222-4222-8222-222222222222',
  btrfs: '33333333-3333-4333-8333-333333333333',
} as const;

describe.skipIf(!canMount())('real mounts', () => {
  let folder: string;
  const devices: Record<string, string> = {};

  function attach(name: keyof typeof UUIDS, megabytes: number, ...mkfs: string[]): void {
    const image = join(folder, `${name}.img`);
    writeFileSync(image, '');
    truncateSync(image, megabytes << 20);
    run(mkfs[0]!, ...mkfs.slice(1), image);
    devices[name] = run('losetup', '-f', '--show', image);
  }

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'kdumpling-mounts-'));
    attach('root', 16, 'mkfs.ext4', '-q', '-F', '-U', UUIDS.root);
    attach('var', 16, 'mkfs.ext4', '-q', '-F', '-U', UUIDS.var);
    attach('btrfs', 128, 'mkfs.btrfs', '-q', '-f', '-U', UUIDS.btrfs);
    // openSUSE's layout: the root is a snapshot, which is the default subvolume.
    const top = join(folder, 'top');
    mkdirSync(top);
    const script = `mount -o subvolid=5 ${devices.btrfs} ${top} && cd ${top} && btrfs subvolume create @ &&
      btrfs subvolume create @/var && btrfs subvolume create @/data && mkdir -p @/.snapshots/1 &&
      btrfs subvolume snapshot @ @/.snapshots/1/snapshot && btrfs subvolume set-default @/.snapshots/1/snapshot`;
    run('unshare', '-m', 'sh', '-ec', script);
  }, 60_000);

  afterAll(() => {
    for (const device of Object.values(devices)) run('losetup', '-d', device);
    rmSync(folder, { recursive: true, force: true });
  });

  function probe({
    mounts,
    config,
    place = 0,
  }: Pick<Scenario, 'mounts' | 'config'> & { place?: number }): Probe {
    const scenario: Scenario = { mounts, config, place, captureRoot: join(folder, 'capture') };
    const output = run('unshare', '-m', process.execPath, '--no-warnings', PROBE, JSON.stringify(scenario));
    return JSON.parse(output);
  }

  const at = (path: string) => join(folder, 'machine', path);
  const rootAndVar = () => [
    [devices.root!, at('')],
    [devices.var!, at('var')],
  ];

  test('a separate /var, by the path', () => {
    const { path, found, location } = probe({ mounts: rootAndVar(), config: `path ${at('var/crash')}\n` });
    expect({ path, found, location }).toEqual({
      path: '/crash',
      found: [at('var/crash')],
      location: 'visible',
    });
  });

  test('the root file system’s directory below a separate /var: hidden, and the other one is not taken for it', () => {
    const mounts = rootAndVar();
    const answer = probe({ mounts, config: `ext4 UUID=${UUIDS.root}\npath /var/crash\n` });
    expect(answer).toEqual({ path: '/var/crash', location: 'hidden', directories: [], found: [] });
  });

  test('the same, where the root file system is mounted a second time', () => {
    const mounts = [...rootAndVar(), ['--bind', at(''), join(folder, 'again')]];
    const { found, location } = probe({ mounts, config: `ext4 UUID=${UUIDS.root}\npath /var/crash\n` });
    expect({ found, location }).toEqual({ found: [join(folder, 'again/var/crash')], location: 'visible' });
  });

  test('a bind mount', () => {
    run(
      'unshare',
      '-m',
      'sh',
      '-ec',
      `mount ${devices.root} ${join(folder, 'top')} && mkdir -p ${folder}/top/srv/dumps`,
    );
    const mounts = [
      [devices.root!, at('')],
      ['--bind', at('srv/dumps'), at('bound')],
    ];
    const { path, found } = probe({ mounts, config: `path ${at('bound/crash')}\n` });
    expect({ path, found }).toEqual({ path: '/srv/dumps/crash', found: [at('bound/crash')] });
  });

  test('a dedicated disk, and one that is not mounted', () => {
    const config = `ext4 UUID=${UUIDS.var}\npath /dumps\n`;
    const { found } = probe({ mounts: [[devices.var!, at('disk')]], config });
    expect(found).toEqual([at('disk/dumps')]);
    expect(probe({ mounts: [], config })).toMatchObject({ location: 'not mounted', directories: [] });
  });

  test('a fallback', () => {
    const config = `ext4 UUID=${UUIDS.var}\npath /dumps\nfallback_target btrfs UUID=${UUIDS.btrfs}\n`;
    const mounts = [['-o', 'subvolid=5', devices.btrfs!, at('top')]];
    expect(probe({ mounts, config, place: 1 }).found).toEqual([at('top/dumps')]);
  });

  const SUSE = () => [
    [devices.btrfs!, at('')],
    ['-o', 'subvol=@/var', devices.btrfs!, at('var')],
  ];
  test.each([
    ['by the path', () => `path ${at('var/crash')}\n`, '/@/var/crash'],
    [
      'by the path, with mount options',
      () => `path ${at('var/crash')}\nmount_options compress=zstd,noatime\n`,
      '/@/var/crash',
    ],
    ['by name', () => `btrfs UUID=${UUIDS.btrfs}\npath /@/var/named\n`, '/@/var/named'],
    [
      'by name, with mount options',
      () => `btrfs UUID=${UUIDS.btrfs}\npath /@/var/options\nmount_options compress=zstd\n`,
      '/@/var/options',
    ],
    [
      'by name, with a subvolume',
      () => `btrfs UUID=${UUIDS.btrfs}\npath /subvol\nmount_options subvol=@/var\n`,
      '/@/var/subvol',
    ],
    [
      'by name, in the snapshot that is the root',
      () => `btrfs UUID=${UUIDS.btrfs}\npath /@/.snapshots/1/snapshot/srv\n`,
      '/@/.snapshots/1/snapshot/srv',
    ],
  ])('btrfs as openSUSE lays it out: %s', (_, config, expected) => {
    const { path, found, directories } = probe({ mounts: SUSE(), config: config() });
    expect(path).toBe(expected);
    expect(found).toEqual(directories);
    expect(found).toHaveLength(1);
  });

  test('btrfs by the ID of a subvolume', () => {
    const list = run(
      'unshare',
      '-m',
      'sh',
      '-ec',
      `mount ${devices.btrfs} ${folder}/top && btrfs subvolume list ${folder}/top`,
    );
    const id = /^ID (\d+) .* path @\/var$/m.exec(list)![1];
    const config = `btrfs UUID=${UUIDS.btrfs}\npath /by-id\nmount_options subvolid=${id}\n`;
    const { path, found } = probe({ mounts: SUSE(), config });
    expect({ path, found }).toEqual({ path: '/@/var/by-id', found: [at('var/by-id')] });
  });
});
