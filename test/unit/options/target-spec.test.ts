import { describe, expect, test } from 'vitest';
import { isDeviceName, parseTargetSpec } from '../../../capture/options/target-spec.ts';
import type { BlockDevice } from '../../../capture/storage/device/block-devices.ts';
import { namesDevice } from '../../../capture/storage/device/device-names.ts';
import { chooseDevice, findDevice } from '../../../capture/storage/device/find-device.ts';

const UUID = '00112233-4455-6677-8899-aabbccddeeff';
const OTHER = 'ffffffff-4455-6677-8899-aabbccddeeff';

function device(node: string, facts: Partial<BlockDevice> = {}): BlockDevice {
  return {
    node,
    sizeBytes: 1 << 30,
    aliases: [],
    superblock: { fstype: 'ext4', uuid: UUID, label: 'my disk' },
    ...facts,
  };
}

describe('a name and a device', () => {
  const facts = device('/dev/vda1', {
    aliases: ['/dev/disk/by-path/pci-0000:00:03.0-part1'],
    partition: { uuid: OTHER, label: 'kdump' },
  });
  test.each([
    ['/dev/vda1', true],
    ['/dev/vda', false],
    [`UUID=${UUID}`, true],
    [`UUID=${UUID.toUpperCase()}`, true],
    ['UUID=', false],
    [`UUID=${OTHER}`, false],
    ['LABEL=my\\x20disk', true],
    ['LABEL=my', false],
    ['LABEL=', false],
    [`PARTUUID=${OTHER.toUpperCase()}`, true],
    [`PARTUUID=${UUID}`, false],
    ['PARTLABEL=kdump', true],
    ['PARTLABEL=', false],
    ['/dev/disk/by-path/pci-0000:00:03.0-part1', true],
    ['/dev/disk/by-path/pci-0000:00:03.0-part2', false],
    [`/dev/disk/by-uuid/${UUID}`, true],
    ['/dev/disk/by-label/my\\x20disk', true],
    [`/dev/disk/by-partuuid/${OTHER}`, true],
    ['/dev/disk/by-partlabel/kdump', true],
    ['/dev/disk/by-label/', false],
  ])('%s: %s', (name, yes) => expect(namesDevice(name, facts)).toBe(yes));

  test('a RAID member is not the file system on the array', () => {
    expect(namesDevice(`UUID=${UUID}`, { ...facts, memberOf: 'RAID member' })).toBe(false);
    expect(namesDevice('LABEL=my\\x20disk', { ...facts, memberOf: 'RAID member' })).toBe(false);
  });

  test('an escaped name may have several bytes a character', () => {
    const named = device('/dev/vda', { superblock: { fstype: 'ext4', uuid: UUID, label: 'Größe ü' } });
    expect(namesDevice('LABEL=Gr\\xc3\\xb6ße\\x20ü', named)).toBe(true);
  });
});

test.each([
  ['UUID=1A2B-3C4D', true],
  ['LABEL=a\\x20b', true],
  ['PARTUUID=1a2b3c4d-01', true],
  ['PARTLABEL=EFI', true],
  ['/dev/sda1', true],
  ['/dev/disk/by-path/pci-0000:00:1f.2-ata-1.0-part3', true],
  ['/dev/mapper/vg-my--lv', true],
  ['/dev/../etc/passwd', false],
  ['/dev/disk/./x', false],
  ['/dev//sda', false],
  ['/etc/passwd', false],
  ['UUID=../x', false],
  ['LABEL=a/b', false],
  ['LABEL=a,b', false],
  ['UUID=', false],
  ['sda1', false],
])('%s may be given as a device name: %s', (text, yes) => expect(isDeviceName(text)).toBe(yes));

test.each([
  ['ext4 UUID=1-2', { kind: 'file system', fstype: 'ext4', device: 'UUID=1-2', mountOptions: '' }],
  ['ext4:UUID=1-2', { kind: 'file system', fstype: 'ext4', device: 'UUID=1-2', mountOptions: '' }],
  [
    'raw:/dev/disk/by-path/pci-0000:00:03.0',
    { kind: 'partition', device: '/dev/disk/by-path/pci-0000:00:03.0' },
  ],
  [
    'btrfs /dev/vdb subvol=/@',
    { kind: 'file system', fstype: 'btrfs', device: '/dev/vdb', mountOptions: 'subvol=/@' },
  ],
  ['ext4', undefined],
  ['ext4 sda', undefined],
  ['EXT4 /dev/sda', undefined],
  ['', undefined],
])('%j as a target', (text, spec) => expect(parseTargetSpec(text)).toEqual(spec));

function fakeClock() {
  let now = 0;
  return {
    seconds: () => now,
    sleep(seconds: number) {
      now += seconds;
    },
  };
}

describe('which device', () => {
  const spec = { kind: 'file system', fstype: 'ext4', device: '/dev/vda', mountOptions: '' } as const;
  const choose = (uuid: string | undefined, devices: BlockDevice[]) => {
    const warnings: string[] = [];
    const found = chooseDevice({ ...spec, uuid }, devices, text => warnings.push(text))?.node;
    return { found, warnings };
  };
  const [vda, vdb] = [device('/dev/vda'), device('/dev/vdb')];
  const otherVda = device('/dev/vda', { superblock: { fstype: 'ext4', uuid: OTHER, label: '' } });

  test('by name alone', () =>
    expect(choose(undefined, [vdb, vda])).toEqual({ found: '/dev/vda', warnings: [] }));

  test('with its UUID: its name has changed', () => {
    expect(choose(UUID, [otherVda, vdb])).toEqual({
      found: '/dev/vdb',
      warnings: [`/dev/vda is /dev/vdb now, by its UUID ${UUID}`],
    });
  });

  test('with its UUID: a different file system of that name is not touched', () => {
    expect(choose(UUID, [otherVda])).toEqual({ found: undefined, warnings: [] });
  });

  test('copies: the one of that name is taken, with a warning', () => {
    expect(choose(UUID, [vdb, vda])).toEqual({
      found: '/dev/vda',
      warnings: ['/dev/vda is 2 devices (/dev/vdb /dev/vda); taking /dev/vda'],
    });
  });

  test('waiting is logged and bounded, and the error names the devices present', () => {
    const clock = fakeClock();
    const said: string[] = [];
    const waiting = {
      clock,
      timeoutSeconds: 25,
      say: (text: string) => said.push(text),
      warn: () => {},
      devices: () => [otherVda],
    };
    expect(() => findDevice({ ...spec, uuid: UUID }, waiting)).toThrow(
      `Cannot find the dump target /dev/vda: /dev/vda is a different file system (its UUID is ${OTHER}, not ${UUID}); there are /dev/vda`,
    );
    expect(clock.seconds()).toBe(25);
    expect(said).toEqual(
      [0, 10, 20].map(seconds => `waiting for /dev/vda, ${seconds} of 25 s; there are /dev/vda`),
    );
  });

  test.each([0.25, 7])('a device that appears after %d s is found then', seconds => {
    const clock = fakeClock();
    const waiting = {
      clock,
      timeoutSeconds: 25,
      say: () => {},
      warn: () => {},
      devices: () => (clock.seconds() < seconds ? [] : [vda]),
    };
    expect(findDevice(spec, waiting).node).toBe('/dev/vda');
    expect(clock.seconds()).toBe(seconds);
  });
});
