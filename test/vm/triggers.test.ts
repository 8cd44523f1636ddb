/** Crashes of each kind, judged by what the report says. `npm test -- --full` makes all of them. */
import { beforeAll, expect, test } from 'vitest';
import type { KernelChoice } from '../../build/fetch/kernel-origins.ts';
import { type Lab, withKernel } from '../../qemu/lab/lab.ts';
import { triggerOf } from '../../qemu/lab/options.ts';
import { SYSRQ_CRASH, TRIGGERS } from '../../qemu/triggers/triggers.ts';
import { FULL_LAB_VARIABLE } from './full-lab.ts';
import { broken, crashWithFault, openTestLab } from './lab.ts';

interface Cell {
  readonly trigger: string;
  readonly kernel: KernelChoice;
}

const KERNEL: KernelChoice = { series: '6.1', flavour: 'cloud' };
/** An exception, a check of the kernel's, and one CPU that reports what ran on it. */
const SMOKE: readonly Cell[] = ['stack-overflow', 'corrupt-list', 'soft-lockup'].map(trigger => ({
  trigger,
  kernel: KERNEL,
}));
const ALL: readonly Cell[] = TRIGGERS.filter(({ name }) => name !== SYSRQ_CRASH.name).map(({ name }) => ({
  trigger: name,
  kernel: KERNEL,
}));

let lab: Lab;
beforeAll(async () => {
  lab = await openTestLab();
});

const cells = process.env[FULL_LAB_VARIABLE] ? ALL : SMOKE;

test.each(cells)('$trigger on $kernel.series', async ({ trigger, kernel }) => {
  const choice = { ...lab.choice, trigger: triggerOf(trigger) };
  const verdict = await crashWithFault(await withKernel({ ...lab, choice }, kernel), 'none');
  expect(broken(verdict)).toEqual([]);
});
