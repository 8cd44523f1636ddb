/** Which CPU brought the machine down. */
import { attempt } from '../../errors.ts';
import type { DeadKernel } from '../kernel.ts';
import { cpuStates } from './cpus.ts';
import { cpuStacks, type Stack, taskStack } from './stacks.ts';

/** `panic_cpu` (kernel/panic.c) is -1 without a panic; a crash by kexec without one sets `crashing_cpu` (arch/x86) only. */
const PANIC_CPUS = ['crashing_cpu', 'panic_cpu'];
/** Runs once, on the CPU that brought the machine down, and does not return (kernel/kexec_core.c). */
const LAST_FUNCTION = '__crash_kexec';
const WORD_BYTES = 8;

/** Undefined when the dump does not say. */
export function panicCpu(kernel: DeadKernel): number | undefined {
  const { symbols, memory } = kernel;
  const addresses = PANIC_CPUS.flatMap(name => symbols.address(name) ?? []);
  for (const address of addresses) {
    const value = attempt(() => memory.u32(address) | 0);
    if (value !== undefined && value >= 0) return value;
  }
  return addresses.length === 0 ? cpuInCrash(kernel) : undefined;
}

/** By the stacks, for a kernel whose variables are not known. */
function cpuInCrash(kernel: DeadKernel): number | undefined {
  const found = cpuStates(kernel, () => {}).filter(({ cpu, current }) => {
    const own = attempt(() => taskStack(kernel, current));
    return [...(own ? [own] : []), ...cpuStacks(kernel, cpu)].some(stack => returnsToCrash(kernel, stack));
  });
  return found.length === 1 ? found[0]!.cpu : undefined;
}

/** Whether an address in the function is on it: one to which a call in it would return. */
function returnsToCrash({ memory, symbols, vmcoreinfo }: DeadKernel, { start, end }: Stack): boolean {
  const bytes = new Uint8Array(Number(end - start));
  const heldBytes = memory.readVirtualUpTo(start, bytes);
  const words = new BigUint64Array(bytes.buffer, 0, Math.floor(heldBytes / WORD_BYTES));
  // Of arm64: return addresses are signed.
  const pacMask = vmcoreinfo.bigNumber('KERNELPACMASK') ?? 0n;
  return words.some(word => {
    const address = word | pacMask;
    return symbols.isText(address) && symbols.at(address - 1n)?.name === LAST_FUNCTION;
  });
}
