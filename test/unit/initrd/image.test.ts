/** What an image refuses to hold, on a tree that is made up. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { buildImage, PROGRAM_FILES, type Program } from '../../../initrd/image.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'kdumpling-image-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** A kernel whose disk driver is the one given, all else built in. */
function build(driver: string): () => unknown {
  const path = join(directory, driver);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, 'module');
  writeFileSync(join(directory, 'modules.dep'), `${driver}:\n`);
  const builtin = ['loop', 'squashfs', 'ext4'].map(name => `kernel/${name}.ko\n`).join('');
  writeFileSync(join(directory, 'modules.builtin'), builtin);
  const file = join(directory, 'file');
  writeFileSync(file, '');
  const disk = driver.split('/').at(-1)!.replace(/\.ko$/, '');
  const program = Object.fromEntries(
    Object.keys(PROGRAM_FILES).map(part => [part, file]),
  ) as unknown as Program;
  return () =>
    buildImage({
      kver: '6.1.0',
      modulesDirectory: directory,
      program,
      fstype: 'ext4',
      disks: [disk],
      options: { target: '/dev/vda' },
      output: join(directory, 'image'),
    });
}

test('a driver of a disk is in', () => {
  expect(build('kernel/drivers/block/virtio_blk.ko')()).toMatchObject({
    modules: ['kernel/drivers/block/virtio_blk.ko'],
  });
});

test('a module of the network is refused', () => {
  expect(build('kernel/drivers/net/virtio_net.ko')).toThrow(/modules of the network/);
});

test('a name that a shell would read otherwise is refused', () => {
  expect(build("kernel/a';reboot;'.ko")).toThrow(/characters that no module has/);
});
