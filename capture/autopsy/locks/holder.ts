/** Who holds a sleeping lock, as far as the lock itself says (struct mutex, rw_semaphore, semaphore; kernel/locking). */
import { KernelError } from '../../errors.ts';
import type { DeadKernel } from '../kernel.ts';

export type LockKind = 'mutex' | 'rwsem' | 'semaphore';

export type Holder =
  /** The address of its task_struct. */
  | { readonly by: 'task'; readonly task: bigint }
  /** Of a rwsem. Only one of them is known: the last that took it, which may have released it since. */
  | { readonly by: 'readers'; readonly count: number; readonly last?: bigint }
  /** It is about to be handed over. */
  | { readonly by: 'nobody' }
  /** The kernel does not record it. */
  | { readonly by: 'unknown' };

/** Flags in the lowest bits of the owner's address: MUTEX_FLAGS, and RWSEM_OWNER_FLAGS_MASK with room for those of v5.10. */
const OWNER_MASK = ~7n;
const RWSEM_WRITER_LOCKED = 1n;
const RWSEM_READER_SHIFT = 8n;
/** The highest bit of a rwsem's count is no reader (RWSEM_FLAG_READFAIL). */
const RWSEM_COUNT_BITS = 63;
/** More than tasks can be: the count is garbage. */
const MOST_READERS = 1 << 22;

const READERS: Readonly<Record<LockKind, (kernel: DeadKernel, lock: bigint) => Holder>> = {
  mutex: ({ fields }, lock) => ownedBy(fields.pointer(lock, 'mutex.owner.counter') & OWNER_MASK),
  rwsem: rwsemHolder,
  semaphore: semaphoreHolder,
};

/** @throws AutopsyError where this kernel's locks are others (PREEMPT_RT); KernelError */
export function readHolder(kernel: DeadKernel, kind: LockKind, lock: bigint): Holder {
  return READERS[kind](kernel, lock);
}

function rwsemHolder({ fields }: DeadKernel, lock: bigint): Holder {
  const count = fields.pointer(lock, 'rw_semaphore.count.counter');
  const owner = fields.pointer(lock, 'rw_semaphore.owner.counter') & OWNER_MASK;
  if (count & RWSEM_WRITER_LOCKED) return owner === 0n ? { by: 'unknown' } : { by: 'task', task: owner };
  const readers = Number(BigInt.asUintN(RWSEM_COUNT_BITS, count) >> RWSEM_READER_SHIFT);
  if (readers > MOST_READERS)
    throw new KernelError(
      'RWSEM_COUNT',
      { action: 'find who holds a rwsem', actual: `it has ${readers} readers`, wanted: 'a lock' },
      { lock, count },
    );
  if (readers === 0) return { by: 'nobody' };
  return { by: 'readers', count: readers, ...(owner !== 0n && { last: owner }) };
}

/** Recorded with CONFIG_DETECT_HUNG_TASK_BLOCKER (Linux v6.16), for one that took it last. */
function semaphoreHolder({ fields, types }: DeadKernel, lock: bigint): Holder {
  if (!types.has('semaphore.last_holder')) return { by: 'unknown' };
  const last = fields.pointer(lock, 'semaphore.last_holder');
  return last === 0n ? { by: 'unknown' } : { by: 'task', task: last };
}

function ownedBy(task: bigint): Holder {
  return task === 0n ? { by: 'nobody' } : { by: 'task', task };
}
