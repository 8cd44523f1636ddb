/** `struct percpu_counter` (lib/percpu_counter.c): a number to which each CPU adds now and then. */
import type { DeadKernel } from './kernel.ts';

/**
 * As percpu_counter_sum(): its base and what each CPU has not added yet. A CPU that is put offline adds its part first, but
 * not one that a panic stops: arm64 takes those out of the online CPUs (local_cpu_stop() in arch/arm64/kernel/smp.c), and they
 * stay present. The parts of CPUs that were offline before are 0.
 */
export function perCpuCounter(
  { memory, fields, perCpu }: Pick<DeadKernel, 'memory' | 'fields' | 'perCpu'>,
  counter: bigint,
): number {
  const parts = fields.pointer(counter, 'percpu_counter.counters');
  const count = fields.number(counter, 'percpu_counter.count');
  if (parts === 0n) return count;
  return perCpu.present.reduce(
    (sum, cpu) => sum + (memory.u32(perCpu.address(parts, cpu), 'a counter of a CPU') | 0),
    count,
  );
}
