/** Which CPUs an autopsy lists: those that ran when the kernel died. */
import { expect, test } from 'vitest';
import { type Inspection, inspect } from '../../../../capture/autopsy/inspection.ts';
import { openAutopsy } from '../../../../capture/autopsy/open.ts';
import { REPORT_LIMITS, readKernelParts } from '../../../../capture/autopsy/summary/read.ts';
import type { CpuState } from '../../../../capture/autopsy/tasks/cpus.ts';
import type { Unwinder } from '../../../../capture/autopsy/unwind/unwinder.ts';
import { openVmcore } from '../../../../capture/vmcore/open.ts';
import { crashedKernel } from '../../../support/crashed-kernel.ts';
import { MemorySource } from '../../../support/vmcore-builder.ts';

const kernel = openAutopsy(openVmcore(new MemorySource(crashedKernel().build())));
const list = inspect(kernel).tasks();
const cpuState = (cpu: number, isOnline: boolean): CpuState => {
  const { address } = list.tasks[cpu]!;
  return { cpu, isOnline, runqueue: 0n, current: address, idle: 0n, runnable: 1 };
};
/** A panic on arm64 takes the CPUs that it stopped offline (local_cpu_stop() in arch/arm64/kernel/smp.c). */
const cpus = [cpuState(0, false), cpuState(1, true), cpuState(2, false)];
/** CPU 2 was offline before. */
const unwinder = { cpus: [{ cpu: 0 }, { cpu: 1 }] } as unknown as Unwinder;
const listed = (inspection: Partial<Inspection>) => {
  const all = { ...inspect(kernel), tasks: () => ({ ...list, cpus, panicCpu: 1 }), ...inspection };
  const found = readKernelParts(kernel, REPORT_LIMITS, all).cpus;
  return 'missing' in found ? found : found.map(({ cpu }) => cpu);
};

test('a CPU that the panic stopped is listed, one that was offline before is not', () => {
  expect(listed({ unwinder: () => unwinder })).toEqual([0, 1]);
});

test('without an unwinder, which knows of registers, those that are online are listed', () => {
  const none = () => {
    throw new Error('no unwinding');
  };
  expect(listed({ unwinder: none })).toEqual([1]);
});
