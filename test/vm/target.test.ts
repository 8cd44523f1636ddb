/** Another disk and file system, and a target that fails. `npm run crash -- --list` shows all faults. */
import { beforeAll, expect, test } from 'vitest';
import type { Lab } from '../../qemu/lab/lab.ts';
import { broken, crashWithFault, openTestLab } from './lab.ts';

let lab: Lab;
beforeAll(async () => {
  lab = await openTestLab();
});

test('xfs on NVMe', async () => {
  const on = {
    ...lab,
    choice: { ...lab.choice, diskKind: { bus: 'nvme', fs: 'xfs', layout: 'whole' } as const },
  };
  expect(broken(await crashWithFault(on, 'none'))).toEqual([]);
});

test('a disk that fails in mid-dump, and its fallback', async () => {
  expect(broken(await crashWithFault(lab, 'write-errors'))).toEqual([]);
});
