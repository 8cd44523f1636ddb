/** What each CPU of the crashed machine ran (struct rq in kernel/sched/sched.h), and on which one the panic was. */
import { attempt } from '../../errors.ts';
import type { DeadKernel } from '../kernel.ts';

export interface CpuState {
  readonly cpu: number;
  readonly isOnline: boolean;
  /** Of its `struct rq`. */
  readonly runqueue: bigint;
  /** Of the task that it ran. */
  readonly current: bigint;
  /** Of its idle task. */
  readonly idle: bigint;
  /** Tasks that were runnable on it, the current one among them. */
  readonly runnable: number;
}

/** @param onError for a CPU whose runqueue cannot be read. */
export function cpuStates(
  { symbols, fields, perCpu }: Pick<DeadKernel, 'symbols' | 'fields' | 'perCpu'>,
  onError: (error: unknown) => void,
): CpuState[] {
  const template = attempt(() => symbols.require('runqueues'), onError);
  if (template === undefined) return [];
  return perCpu.possible.flatMap(cpu => {
    const state = attempt(() => {
      const runqueue = perCpu.address(template, cpu);
      return {
        cpu,
        isOnline: perCpu.online.includes(cpu),
        runqueue,
        current: fields.pointer(runqueue, 'rq.curr'),
        idle: fields.pointer(runqueue, 'rq.idle'),
        runnable: fields.number(runqueue, 'rq.nr_running'),
      };
    }, onError);
    return state ? [state] : [];
  });
}
