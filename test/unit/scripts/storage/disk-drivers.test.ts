/** Which stacked devices a capture can set up, told from sysfs below a root. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ModuleTree } from '../../../../initrd/modules.ts';
import { openHost } from '../../../../scripts/lib/host/host.ts';
import { targetDrivers } from '../../../../scripts/lib/storage/disk-drivers.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'kdumpling-test-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const TREE: ModuleTree = {
  has: () => true,
  byAlias: () => [],
  closure: () => [],
  read: () => Buffer.alloc(0),
};

function file(path: string, text: string): void {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
}

/** /dev/mapper/data, a link to a stacked device with this file in its sysfs folder. */
function stacked(name: string, fact: string, text: string): string {
  const device = join(root, 'sys/devices/virtual/block', name);
  file(`sys/devices/virtual/block/${name}/${fact}`, text);
  mkdirSync(join(root, 'sys/class/block'), { recursive: true });
  symlinkSync(device, join(root, 'sys/class/block', name));
  file(`dev/${name}`, '');
  mkdirSync(join(root, 'dev/mapper'));
  symlinkSync(join(root, 'dev', name), join(root, 'dev/mapper/data'));
  return '/dev/mapper/data';
}

test('a logical volume is set up by the capture', () => {
  const device = stacked('dm-3', 'dm/uuid', 'LVM-0123\n');
  expect(targetDrivers(openHost(root), device, TREE)).toEqual(['dm_mod']);
});

test.each([
  ['dm-3', 'dm/uuid', 'CRYPT-LUKS2-0123\n', /Cannot dump to \/dev\/mapper\/data: \/dev\/dm-3 is encrypted/],
  ['dm-3', 'dm/uuid', 'mpath-36001\n', /is a device-mapper device of kind mpath/],
  ['dm-3', 'dm/name', 'x\n', /is a device-mapper device of kind unknown/],
  ['md0', 'md/level', 'raid1\n', /\/dev\/md0 is a RAID of level raid1, which the capture does not set up/],
])('%s with %s %j is refused at rebuild', (name, fact, text, message) => {
  const device = stacked(name, fact, text);
  expect(() => targetDrivers(openHost(root), device, TREE)).toThrow(message);
});
