/** The capture program fails at its worst moments, and the machine still reboots. `npm run crash -- --matrix faults` runs all faults. */
import { rmSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import type { Lab } from '../../qemu/lab/lab.ts';
import { broken, crashWithFault, openTestLab } from './lab.ts';

let lab: Lab;
beforeAll(async () => {
  lab = await openTestLab();
});

test.each(['throw-at-load', 'throw-in-dump', 'out-of-memory', 'no-ffi'])('%s', async name => {
  expect(broken(await crashWithFault(lab, name))).toEqual([]);
});

test('the captured pages are the memory that QEMU sees, and QEMU’s own dumps keep the same pages', async () => {
  expect(broken(await crashWithFault(lab, 'guest-ram'))).toEqual([]);
});

test('the host makes the same dump of a raw copy of the same crash', async () => {
  const verdict = await crashWithFault({ ...lab, choice: { ...lab.choice, raw: true } }, 'none');
  rmSync(verdict.run.labFiles, { recursive: true, force: true });
  expect(broken(verdict)).toEqual([]);
});
