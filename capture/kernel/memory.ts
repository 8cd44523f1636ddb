/** The crashed kernel's memory by virtual address: ranges that cross pages, and the scalars of its structures. */
import { counted, KernelError } from '../errors.ts';
import { type ReadPhysical, readPhysical, type Vmcore } from '../vmcore/open.ts';
import type { Arch, Translation } from './arch/arch.ts';
import { chooseArch } from './arch/choose.ts';
import { RecentTranslations } from './recent-translations.ts';

const END_OF_VADDRS = 1n << 64n;
/** More than any structure needs: an untrusted length must not exhaust memory. */
const MAX_READ_BYTES = 64 * 2 ** 20;

/** The methods throw KernelError when the address is not mapped or its page is not in the vmcore, unless they say otherwise. */
export class KernelMemory {
  readonly arch: Arch;
  readonly readPhysical: ReadPhysical;
  readonly #scalarView = new DataView(new ArrayBuffer(8));
  /** Its first bytes: 0 to 8 of them. */
  readonly #scalars = Array.from(
    { length: 9 },
    (_, size) => new Uint8Array(this.#scalarView.buffer, 0, size),
  );
  readonly #recent: RecentTranslations;

  constructor(arch: Arch, readPhysical: ReadPhysical) {
    this.arch = arch;
    this.#recent = new RecentTranslations(arch);
    this.readPhysical = readPhysical;
  }

  /** @throws KernelError as `chooseArch` does. */
  static of(vmcore: Vmcore): KernelMemory {
    return new KernelMemory(chooseArch(vmcore), (paddr, into) => readPhysical(vmcore, paddr, into));
  }

  /** The physical address of `vaddr`, and how far the mapping extends from there. Undefined when it is not mapped. */
  translate(vaddr: bigint): Translation | undefined {
    const known = this.#recent.find(vaddr);
    if (known) return known;
    if (vaddr < 0n || vaddr >= END_OF_VADDRS) return undefined;
    const found = this.arch.translate(vaddr, this.readPhysical, this.#recent.tables);
    if (found) this.#recent.add(vaddr, found);
    return found;
  }

  /** From now on page tables are read again, for one who watches what is read. */
  forgetTranslations(): void {
    this.#recent.clear();
  }

  /** @param what the object's name for the error message: "the descriptor ring". */
  readVirtual(vaddr: bigint, lengthBytes: number, what = 'kernel memory'): Uint8Array {
    if (!Number.isInteger(lengthBytes) || lengthBytes < 0 || lengthBytes > MAX_READ_BYTES) {
      throw new KernelError(
        'KERNEL_READ_LENGTH',
        {
          action: `read ${what}`,
          actual: `its length is ${lengthBytes}`,
          wanted: `at most ${MAX_READ_BYTES} bytes`,
        },
        { vaddr },
      );
    }
    const bytes = new Uint8Array(lengthBytes);
    this.readVirtualInto(vaddr, bytes, what);
    return bytes;
  }

  /** Fills all of `into`. */
  readVirtualInto(vaddr: bigint, into: Uint8Array, what = 'kernel memory'): void {
    const done = this.readVirtualUpTo(vaddr, into);
    if (done === into.length) return;
    const at = vaddr + BigInt(done);
    const mapping = at < END_OF_VADDRS ? this.translate(at) : undefined;
    throw new KernelError(
      'KERNEL_READ',
      {
        action: `read ${what}`,
        actual: mapping ? 'the vmcore does not hold its page' : 'its address is not mapped',
        wanted: counted(into.length, 'byte'),
      },
      { vaddr, failedAt: at, ...(mapping ? { paddr: mapping.paddr } : {}) },
    );
  }

  /** Reads as much as possible from `vaddr` on and returns the number of bytes. Does not throw for what is not there. */
  readVirtualUpTo(vaddr: bigint, into: Uint8Array): number {
    const wanted = into.length;
    let done = 0;
    for (let at = vaddr; done < wanted; at = vaddr + BigInt(done)) {
      const mapping = this.translate(at);
      if (!mapping) break;
      const part = Math.min(wanted - done, mapping.lengthBytes);
      const read = this.readPhysical(
        mapping.paddr,
        part === wanted ? into : into.subarray(done, done + part),
      );
      done += read;
      if (read < part || done === wanted) break;
    }
    return done;
  }

  u8(vaddr: bigint, what?: string): number {
    return this.#load(vaddr, 1, what).getUint8(0);
  }

  u16(vaddr: bigint, what?: string): number {
    return this.#load(vaddr, 2, what).getUint16(0, true);
  }

  u32(vaddr: bigint, what?: string): number {
    return this.#load(vaddr, 4, what).getUint32(0, true);
  }

  u64(vaddr: bigint, what?: string): bigint {
    return this.#load(vaddr, 8, what).getBigUint64(0, true);
  }

  /** A u64 that must be an address: 0 is refused. */
  pointer(vaddr: bigint, what = 'a pointer'): bigint {
    const value = this.u64(vaddr, what);
    if (value !== 0n) return value;
    throw new KernelError(
      'KERNEL_NULL',
      { action: `follow ${what}`, actual: 'it is NULL', wanted: 'a kernel address' },
      { vaddr },
    );
  }

  /** Up to the first NUL, at most `maxBytes`, decoded as latin1. */
  cstring(vaddr: bigint, maxBytes: number, what?: string): string {
    const bytes = new Uint8Array(Math.min(maxBytes, MAX_READ_BYTES));
    // The string may end just before an unmapped page.
    const held = bytes.subarray(0, this.readVirtualUpTo(vaddr, bytes));
    const end = held.indexOf(0);
    if (end < 0 && held.length < bytes.length) this.readVirtualInto(vaddr, bytes, what);
    return Buffer.from(held.subarray(0, end < 0 ? held.length : end)).toString('latin1');
  }

  #load(vaddr: bigint, lengthBytes: number, what?: string): DataView {
    this.readVirtualInto(vaddr, this.#scalars[lengthBytes]!, what);
    return this.#scalarView;
  }
}
