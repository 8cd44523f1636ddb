/** How much memory a task has (struct mm_struct): what ps calls VSZ and RSS. */
import type { DeadKernel } from '../kernel.ts';
import { perCpuCounter } from '../per-cpu-counter.ts';

export interface TaskMemory {
  readonly virtualBytes: number;
  readonly residentBytes: number;
}

export interface MemoryReader {
  /** @param mm the address of the task's mm_struct. @param cached what the threads of its process count for themselves. */
  of(mm: bigint, cachedPages: number): TaskMemory;
  /** What a task counts for itself and has not yet added to its mm_struct. */
  cachedPages(task: bigint): number;
}

type Readable = Pick<DeadKernel, 'memory' | 'types' | 'fields' | 'perCpu'>;

/** Of RSS; swap entries are not. MM_SHMEMPAGES is there since Linux v4.5. */
const RESIDENT = ['MM_FILEPAGES', 'MM_ANONPAGES', 'MM_SHMEMPAGES'];

/** @throws AutopsyError for a layout that is not known. */
export function memoryReader(kernel: Readable, pageSizeBytes: number): MemoryReader {
  const { memory, fields, types } = kernel;
  const counters = RESIDENT.map(name => types.enumValue(name));
  const countOf = rssCounter(kernel);
  const sum = (count: (counter: number) => number) =>
    counters.reduce((pages, counter) => pages + count(counter), 0);
  // SPLIT_RSS_COUNTING, until v6.2.
  const cached = types.has('task_struct.rss_stat.count')
    ? types.field('task_struct.rss_stat.count')
    : undefined;
  return {
    of: (mm, cachedPages) => ({
      virtualBytes: fields.number(mm, 'mm_struct.total_vm') * pageSizeBytes,
      residentBytes: Math.max(0, sum(counter => countOf(mm, counter)) + cachedPages) * pageSizeBytes,
    }),
    cachedPages: task =>
      cached ? sum(counter => memory.u32(task + BigInt(cached.offsetBytes + 4 * counter)) | 0) : 0,
  };
}

function rssCounter(kernel: Readable): (mm: bigint, counter: number) => number {
  const { memory, types } = kernel;
  const { offsetBytes, elementBytes = 0 } = types.field('mm_struct.rss_stat');
  // Before Linux f1a7941243c1 ("mm: convert mm's rss stats into percpu_counter"), v6.2.
  if (types.has('mm_rss_stat.count')) {
    const first = offsetBytes + types.offset('mm_rss_stat.count');
    return (mm, counter) => Number(BigInt.asIntN(64, memory.u64(mm + BigInt(first + 8 * counter))));
  }
  return (mm, counter) => perCpuCounter(kernel, mm + BigInt(offsetBytes + counter * elementBytes));
}
