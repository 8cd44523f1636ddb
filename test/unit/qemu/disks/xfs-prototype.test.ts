/** A folder in the words of mkfs.xfs -p: what a system's root needs is kept. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { xfsPrototype } from '../../../../qemu/disks/xfs-prototype.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kdumpling-prototype-'));
  chmodSync(folder, 0o755);
});
afterEach(() => rmSync(folder, { recursive: true }));

const owner = `${process.getuid!()} ${process.getgid!()}`;

test('programs stay executable, links stay links, and set-ID bits stay', () => {
  mkdirSync(join(folder, 'usr'));
  chmodSync(join(folder, 'usr'), 0o755);
  writeFileSync(join(folder, 'usr/su'), '');
  chmodSync(join(folder, 'usr/su'), 0o4755);
  writeFileSync(join(folder, 'usr/wall'), '');
  chmodSync(join(folder, 'usr/wall'), 0o2711);
  symlinkSync('usr', join(folder, 'vmlinuz'));
  expect(xfsPrototype(folder).split('\n')).toEqual([
    '/',
    '0 0',
    `d--755 ${owner}`,
    `usr d--755 ${owner}`,
    `su -u-755 ${owner} ${folder}/usr/su`,
    `wall --g711 ${owner} ${folder}/usr/wall`,
    '$',
    `vmlinuz l--777 ${owner} usr`,
    '$',
    '',
  ]);
});

test('a name with a blank, which the format cannot hold, is refused by its path', () => {
  writeFileSync(join(folder, 'a b'), '');
  expect(() => xfsPrototype(folder)).toThrow(`there is a blank in its name`);
});
