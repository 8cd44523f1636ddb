import { expect, test } from 'vitest';
import { FAULTS } from '../../../../qemu/faults/all.ts';
import { type MachineSpec, machineCommand } from '../../../../qemu/machine/machine.ts';

/** What QEMU takes for the drive's file: it halves doubled commas, and a single one ends the option. */
function fileOfDrive(id: string, spec: Partial<MachineSpec>): string {
  const argv = machineCommand({
    accel: 'tcg',
    cpus: 1,
    memoryMib: 512,
    disk: '/lab/disk.img',
    deadlineSeconds: 1,
    ...spec,
  } as MachineSpec);
  const drive = argv.find(word => word.startsWith('file=') && word.includes(`id=${id},`))!;
  return /^file=((?:[^,]|,,)*),/.exec(drive)![1]!.replaceAll(',,', ',');
}

test('the path of a disk keeps its commas', () => {
  const file = '/lab/a,b/disk.img';
  expect(fileOfDrive('more0', { moreDisks: [{ file }] })).toBe(file);
});

test('the disk whose writes are logged is named in JSON, which QEMU can read', () => {
  const { secondDisk } = FAULTS.find(({ name }) => name === 'power-cut')!;
  const file = secondDisk!.file!('/lab/second.img');
  expect(JSON.parse(fileOfDrive('more0', { moreDisks: [{ file }] }).slice('json:'.length))).toMatchObject({
    driver: 'raw',
    file: { driver: 'blklogwrites', file: { filename: '/lab/second.img' } },
  });
});
