/**
 * Memory for igzip's structures at addresses that give a page the same bytes. On x86 level 1 takes bits 16 to 47 of the address of
 * its structure into the first hash of a page, where the page's third byte was meant (`.write_first_byte` of ISA-L's
 * igzip_icf_body_h1_gr_bt.asm, 2.30 to 2.32), and so about one page in ten thousand would have other bytes from one thread to the next.
 */
import type { Ffi, Library } from '../ffi/library.ts';

export interface Place {
  readonly address: number;
  /** Zeros at first. */
  readonly words: Uint32Array;
  /** The words must not be read any more. */
  release(): void;
}

/** Linux: include/uapi/asm-generic/mman-common.h */
const PROT_READ_WRITE = 0x3;
const MAP_PRIVATE_ANONYMOUS = 0x22;
const MAP_FIXED_NOREPLACE = 0x100000;
const FIXED = MAP_PRIVATE_ANONYMOUS | MAP_FIXED_NOREPLACE;
const ANY = 0;

/** Of an address, without its low 16 bits: with any of the others XORed to the first, the hash (CRC-32C, 13 bits) is 0. */
const FIRST = 0x40_0f56;
const OTHERS: readonly number[] = [0x1816, 0x283a, 0xcedd, 0x1_0313, 0x2_0626, 0x4_442e];

/** Where none of these addresses is free, or the processor has fewer, at another one. @throws RangeError when there is no memory. */
export function openPlace(ffi: Ffi, library: Library, sizeBytes: number): Place {
  const mmap = library.func('uintptr_t mmap(uintptr_t, size_t, int, int, int, int64_t)');
  const munmap = library.func('int munmap(uintptr_t, size_t)');
  const mapAt = (address: number, flags: number): number =>
    Number(mmap(address, sizeBytes, PROT_READ_WRITE, flags, -1, 0));
  let address = 0;
  for (const wanted of alikeAddresses()) {
    address = mapAt(wanted, FIXED);
    if (address === wanted) break;
    address = 0;
  }
  if (address === 0) address = mapAt(ANY, MAP_PRIVATE_ANONYMOUS);
  if (!(address > 0 && Number.isSafeInteger(address)))
    throw new RangeError(`there is no memory of ${sizeBytes} bytes for igzip`);
  return {
    address,
    words: new Uint32Array(ffi.view(address, sizeBytes)),
    release: () => {
      munmap(address, sizeBytes);
    },
  };
}

/** 64, at least 34 MiB apart. */
function* alikeAddresses(): Generator<number, void> {
  for (let choice = 0; choice < 1 << OTHERS.length; choice++) {
    const number = OTHERS.reduce((sum, other, i) => (choice & (1 << i) ? sum ^ other : sum), FIRST);
    yield number * 0x1_0000;
  }
}
