/** What the tasks, symbols and types of a crashed kernel are, by drgn and the debug symbols (kernel_facts.py). */
import type { Tool } from '../../build/fetch/tools.ts';
import { pythonScript, runPython } from './python.ts';

/** Addresses in hexadecimal. */
export interface KernelFacts {
  readonly tasks: readonly {
    readonly address: string;
    readonly pid: number;
    readonly tgid: number;
    readonly ppid: number;
    readonly comm: string;
    readonly stateBits: number;
    readonly cpu: number;
    readonly isKernelThread: boolean;
    readonly stack: string;
    readonly residentPages?: number;
    readonly virtualBytes?: number;
  }[];
  readonly cpus: readonly {
    readonly cpu: number;
    readonly isOnline: boolean;
    readonly runqueue: string;
    readonly current: string;
    readonly idle: string;
    readonly runnable: number;
  }[];
  /** Name, address, size in bytes. */
  readonly symbols: readonly (readonly [name: string, address: string, bytes: number])[];
  readonly moduleSymbols: readonly (readonly [
    name: string,
    address: string,
    bytes: number,
    module: string,
  ])[];
  /** By the name of a struct. A member is its first bit, and its width if it is a bit field. */
  readonly layouts: Readonly<
    Record<
      string,
      {
        readonly bytes: number;
        readonly members: Readonly<Record<string, readonly [bit: number, bits: number | null]>>;
      }
    >
  >;
  readonly crashedPid: number;
}

/** @param path a dump, or a raw vmcore. */
export function kernelFacts(
  drgn: Tool,
  path: string,
  vmlinux: string,
  timeoutSeconds = 300,
): Promise<KernelFacts> {
  return runPython<KernelFacts>(drgn, pythonScript('kernel_facts.py'), [path, vmlinux], timeoutSeconds);
}
