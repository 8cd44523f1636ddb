/**
 * Memory for igzip's structures at addresses that give a page the same bytes. On x86 level 1 takes bits 16 to 47 of the address of
 * its structure into the first hash of a page, where the page's third byte was meant (`.write_first_byte` of ISA-L's
 * igzip_icf_body_h1_gr_bt.asm, 2.30 to 2.32), and so about one page in ten thousand would have other bytes from one thread to the next.
 */
import type { Ffi, Library } from '../ffi/library.ts';
import { MAP_ANONYMOUS, MAP_FIXED_NOREPLACE, MAP_PRIVATE, PROT_READ, PROT_WRITE } from '../ffi/mman.ts';

export interface Place {
  readonly address: number;
  /** Zeros at first. */
  readonly words: Uint32Array;
  /** The words must not be read any more. */
  release(): void;
}

/** Of an address, without its low 16 bits: with any of the others XORed to the first, the hash (CRC-32C, 13 bits) is 0. */
const FIRST = 0x40_0f56;
const OTHERS: readonly number[] = [0x1816, 0x283a, 0xcedd, 0x1_0313, 0x2_0626, 0x4_442e];

/** At least 34 MiB apart. */
const ALIKE_ADDRESSES = Array.from({ length: 1 << OTHERS.length }, (_, choice) =>
  OTHERS.reduce((sum, other, i) => (choice & (1 << i) ? sum ^ other : sum), FIRST),
).map(number => number * 0x1_0000);
const ANYWHERE = 0;

/** Where none of these addresses is free, or the processor has fewer, at another one. @throws RangeError when there is no memory. */
export function openPlace(ffi: Ffi, library: Library, sizeBytes: number): Place {
  const mmap = library.func('uintptr_t mmap(uintptr_t, size_t, int, int, int, int64_t)');
  const munmap = library.func('int munmap(uintptr_t, size_t)');
  const mapAt = (address: number, fixed: number): number =>
    Number(mmap(address, sizeBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | fixed, -1, 0));
  const address =
    ALIKE_ADDRESSES.find(wanted => mapAt(wanted, MAP_FIXED_NOREPLACE) === wanted) ?? mapAt(ANYWHERE, 0);
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
