/** Virtual memory that holds what was written and nothing else, and x86-64 kernel stacks in it. */
import { KernelError } from '../../capture/errors.ts';

const PAGE = 4096n;

/** Throws like KernelMemory for what was never written. */
export class VirtualMemory {
  readonly arch = { stackBytes: 16384, pointers: { lowestHigh: 0xff00_0000, imageHigh: 0xffff_ffff } };
  readonly pages = new Map<bigint, Uint8Array>();

  write(vaddr: bigint, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      const at = vaddr + BigInt(done);
      const within = Number(at % PAGE);
      const part = bytes.subarray(done, done + Number(PAGE) - within);
      this.page(at).set(part, within);
      done += part.length;
    }
  }

  u64(vaddr: bigint): bigint;
  u64(vaddr: bigint, value: bigint): void;
  u64(vaddr: bigint, value?: bigint): bigint | undefined {
    const bytes = Buffer.alloc(8);
    // KernelMemory's second argument is the name of what is read.
    if (typeof value === 'bigint') {
      bytes.writeBigUInt64LE(BigInt.asUintN(64, value));
      return this.write(vaddr, bytes) as undefined;
    }
    this.readVirtualInto(vaddr, bytes);
    return bytes.readBigUInt64LE();
  }

  u32(vaddr: bigint): number {
    const bytes = Buffer.alloc(4);
    this.readVirtualInto(vaddr, bytes);
    return bytes.readUInt32LE();
  }

  pointer(vaddr: bigint): bigint {
    return this.u64(vaddr);
  }

  page(vaddr: bigint): Uint8Array {
    const number = vaddr / PAGE;
    const page = this.pages.get(number) ?? new Uint8Array(4096);
    this.pages.set(number, page);
    return page;
  }

  remove(vaddr: bigint): void {
    this.pages.delete(vaddr / PAGE);
  }

  readVirtual(vaddr: bigint, lengthBytes: number): Uint8Array {
    const bytes = new Uint8Array(lengthBytes);
    this.readVirtualInto(vaddr, bytes);
    return bytes;
  }

  readVirtualInto(vaddr: bigint, into: Uint8Array): void {
    if (this.readVirtualUpTo(vaddr, into) === into.length) return;
    throw new KernelError(
      'KERNEL_READ',
      { action: 'read', actual: 'the vmcore does not hold it' },
      { vaddr },
    );
  }

  readVirtualUpTo(vaddr: bigint, into: Uint8Array): number {
    let done = 0;
    while (done < into.length) {
      const at = vaddr + BigInt(done);
      const page = this.pages.get(at / PAGE);
      if (!page) break;
      const part = page.subarray(Number(at % PAGE)).subarray(0, into.length - done);
      into.set(part, done);
      done += part.length;
    }
    return done;
  }
}

/** A stack that words are pushed on; it begins empty. */
export class Push {
  readonly start: bigint;
  readonly end: bigint;
  readonly #memory: VirtualMemory;
  /** The address of the last word. */
  sp: bigint;

  constructor(memory: VirtualMemory, start: bigint, end: bigint) {
    this.start = start;
    this.end = end;
    this.sp = end;
    this.#memory = memory;
    for (let page = start; page < end; page += PAGE) memory.page(page);
  }

  /** @returns the address of the last one. */
  push(...words: readonly bigint[]): bigint {
    for (const word of words) {
      this.sp -= 8n;
      this.#memory.u64(this.sp, word);
    }
    return this.sp;
  }

  /** A whole pt_regs. @returns its address. */
  pushRegisters(registers: Readonly<Record<string, bigint>>): bigint {
    return this.push(...PT_REGS.toReversed().map(name => registers[name] ?? 0n));
  }

  /** The part that the CPU pushes. @returns its address. */
  pushIret(registers: Readonly<Record<string, bigint>>): bigint {
    return this.push(
      ...PT_REGS.slice(-5)
        .toReversed()
        .map(name => registers[name] ?? 0n),
    );
  }
}

const PT_REGS = 'r15 r14 r13 r12 bp bx r11 r10 r9 r8 ax cx dx si di orig_ax ip cs flags sp ss'.split(' ');

/** struct elf_prstatus of x86-64. */
export function prstatus(registers: Readonly<Record<string, bigint>>, pid = 0): Uint8Array {
  const bytes = Buffer.alloc(336);
  bytes.writeInt32LE(pid, 32);
  for (const [index, name] of PT_REGS.entries()) {
    bytes.writeBigUInt64LE(BigInt.asUintN(64, registers[name] ?? 0n), 112 + 8 * index);
  }
  return bytes;
}
