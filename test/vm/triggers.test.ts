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

const [OLDER, NEWEST] = (['6.1', '7.x'] as const).map(
  (series): KernelChoice => ({ series, flavour: 'cloud' }),
);
/** An oops, a panic by who watches, and one from outside; the last needs no headers of the newest kernel. */
const SMOKE: readonly Cell[] = [
  { trigger: 'null', kernel: OLDER! },
  { trigger: 'soft-lockup', kernel: OLDER! },
  { trigger: 'nmi', kernel: NEWEST! },
];
const ALL: readonly Cell[] = TRIGGERS.filter(({ name }) => name !== SYSRQ_CRASH.name).map(({ name }) => ({
  trigger: name,
  kernel: OLDER!,
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
