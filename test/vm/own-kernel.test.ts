/** A kernel developer's first run, as qemu/README.md has it. Only with `npm test -- --full`: a kernel is built for it. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openCache } from '../../build/cache.ts';
import { SOUND } from '../../qemu/faults/sound.ts';
import { buildTinyKernel } from '../../qemu/kernel/tiny-kernel.ts';
import { crashWith } from '../../qemu/lab/crash.ts';
import { openLab } from '../../qemu/lab/lab.ts';
import { DEFAULT_MACHINE, triggerOf } from '../../qemu/lab/options.ts';
import { FULL_LAB_VARIABLE } from './full-lab.ts';
import { broken } from './lab.ts';

const BUILD_MS = 40 * 60_000;

test.skipIf(!process.env[FULL_LAB_VARIABLE])(
  'a kernel straight from its build directory crashes in the lab’s module, and is captured',
  async () => {
    const path = await buildTinyKernel(openCache(console.log));
    expect(existsSync(join(path, 'vmlinux'))).toBe(true);
    const choice = { ...DEFAULT_MACHINE, kernel: { path }, trigger: triggerOf('null') };
    const lab = await openLab(choice, line => console.log(line));
    expect(lab.kernel.release).toMatch(/-tiny$/);
    const verdict = await crashWith(lab, SOUND, { signal: new AbortController().signal });
    expect(broken(verdict)).toEqual([]);
  },
  BUILD_MS,
);
