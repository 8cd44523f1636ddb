/** The capture program dies in its worst moments; the machine comes home all the same. `npm run crash -- --matrix` has more. */
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

test('what is captured is the memory that QEMU sees, and QEMU’s own dumps of it are dumped alike', async () => {
  expect(broken(await crashWithFault(lab, 'guest-ram'))).toEqual([]);
});

test('the dump is the one that the host makes of a raw copy of the same crash', async () => {
  const verdict = await crashWithFault(lab, 'raw-copy');
  rmSync(verdict.run.labFiles, { recursive: true, force: true });
  expect(broken(verdict)).toEqual([]);
});
