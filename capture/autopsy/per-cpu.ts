/**
 * Per-CPU variables: the variable's address in the template plus the CPU's entry of __per_cpu_offset (include/asm-generic/
 * percpu.h); and which CPUs there are (kernel/cpu.c).
 */
import { AutopsyError } from '../errors.ts';
import type { DeadKernel, PerCpu } from './kernel.ts';

/** x86 allows 8192. */
const MOST_CPUS = 8192;
const POINTER_BYTES = 8;

export class KernelPerCpu implements PerCpu {
  readonly possible: readonly number[];
  readonly present: readonly number[];
  readonly online: readonly number[];
  readonly #kernel: Pick<DeadKernel, 'memory' | 'symbols'>;
  readonly #offsets = new Map<number, bigint>();

  /** @param onError for a mask that cannot be read. */
  constructor(kernel: Pick<DeadKernel, 'memory' | 'symbols' | 'types'>, onError: (error: unknown) => void) {
    this.#kernel = kernel;
    const maskOrNone = (name: string): number[] => {
      try {
        return cpusIn(kernel, name);
      } catch (error) {
        onError(error);
        return [];
      }
    };
    this.possible = maskOrNone('__cpu_possible_mask');
    this.present = maskOrNone('__cpu_present_mask');
    this.online = maskOrNone('__cpu_online_mask');
  }

  address(variable: string | bigint, cpu: number): bigint {
    const template = typeof variable === 'bigint' ? variable : this.#kernel.symbols.require(variable);
    return BigInt.asUintN(64, template + this.#offset(cpu));
  }

  #offset(cpu: number): bigint {
    let offset = this.#offsets.get(cpu);
    if (offset === undefined) {
      if (!this.possible.includes(cpu)) {
        throw new AutopsyError('NO_PER_CPU', {
          action: `find the per-CPU memory of CPU ${cpu}`,
          actual: 'the crashed machine had no such CPU',
          wanted: this.possible.length === 0 ? 'a list of CPUs' : `one of ${this.possible.length}`,
        });
      }
      const { memory, symbols } = this.#kernel;
      const entry = symbols.require('__per_cpu_offset') + BigInt(POINTER_BYTES * cpu);
      offset = memory.u64(entry, '__per_cpu_offset');
      this.#offsets.set(cpu, offset);
    }
    return offset;
  }
}

/** The bits of a `struct cpumask`, which are words of 64. */
function cpusIn(
  { memory, symbols, types }: Pick<DeadKernel, 'memory' | 'symbols' | 'types'>,
  mask: string,
): number[] {
  const sizeBytes = Math.min(types.size('cpumask'), MOST_CPUS / 8);
  const bytes = memory.readVirtual(symbols.require(mask), sizeBytes, mask);
  const cpus: number[] = [];
  for (let cpu = 0; cpu < 8 * sizeBytes; cpu++) if ((bytes[cpu >> 3]! >> (cpu & 7)) & 1) cpus.push(cpu);
  return cpus;
}
