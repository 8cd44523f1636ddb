/** The capture program dies in its worst moments; the machine comes home all the same. `npm run crash -- --matrix` has more. */
import { beforeAll, expect, test } from 'vitest';
import type { Lab } from '../../qemu/lab.ts';
import { broken, crashWithFault, openTestLab } from './lab.ts';

let lab: Lab;
beforeAll(async () => {
  lab = await openTestLab();
});

test.each(['throw-at-load', 'throw-in-dump', 'out-of-memory', 'no-ffi'])('%s', async name => {
  expect(broken(await crashWithFault(lab, name))).toEqual([]);
});
