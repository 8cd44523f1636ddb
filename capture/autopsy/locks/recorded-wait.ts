/**
 * What a task waits for, where the kernel has recorded it in the task: `blocker` for the detector of hung tasks
 * (include/linux/hung_task.h, Linux v6.16), `blocked_on` for proxy execution (a mutex, Linux v6.17).
 */
import type { DeadKernel } from '../kernel.ts';
import type { LockKind } from './holder.ts';

export interface Wait {
  readonly kind: LockKind;
  /** The address of the lock. */
  readonly lock: bigint;
  /** Of a rwsem. */
  readonly wants?: 'read' | 'write';
}

/** BLOCKER_TYPE_…, in the two lowest bits of the lock's address. */
const BLOCKERS: readonly Omit<Wait, 'lock'>[] = [
  { kind: 'mutex' },
  { kind: 'semaphore' },
  { kind: 'rwsem', wants: 'read' },
  { kind: 'rwsem', wants: 'write' },
];
const BLOCKER_MASK = 3n;

/** Undefined when the task waits for nothing that is recorded. @throws KernelError */
export function recordedWait({ fields, types }: DeadKernel, task: bigint): Wait | undefined {
  const blocker = types.has('task_struct.blocker') ? fields.pointer(task, 'task_struct.blocker') : 0n;
  if (blocker !== 0n) return { ...BLOCKERS[Number(blocker & BLOCKER_MASK)]!, lock: blocker & ~BLOCKER_MASK };
  if (!pointsToMutex({ types })) return undefined;
  const mutex = fields.pointer(task, 'task_struct.blocked_on');
  // PROXY_WAKING is -1: the wait is over.
  return mutex === 0n || mutex === BigInt.asUintN(64, -1n) ? undefined : { kind: 'mutex', lock: mutex };
}

/** With CONFIG_DEBUG_MUTEXES, older kernels have a waiter there. */
function pointsToMutex({ types }: Pick<DeadKernel, 'types'>): boolean {
  return (
    types.has('task_struct.blocked_on') && types.field('task_struct.blocked_on').typeName === 'struct mutex *'
  );
}
