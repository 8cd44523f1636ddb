/** PT_LOADs that are no memory: /proc/vmcore is never read where they say that it has something. */
import { expect, test } from 'vitest';
import { Bitmap } from '../../../capture/filter/bitmap.ts';
import { PageLoop, type PageTaker } from '../../../capture/kdump/write/page-loop.ts';
import { openVmcore } from '../../../capture/vmcore/open.ts';
import { buildVmcore, MemorySource } from '../../support/vmcore-builder.ts';

const PAGE = 4096;
const PAGES = 16;

/** Reading an address that no memory has oopses the crash kernel. */
class OopsingSource extends MemorySource {
  readonly harmlessBytes: number;

  constructor(bytes: Uint8Array, harmlessBytes: number) {
    super(bytes);
    this.harmlessBytes = harmlessBytes;
  }

  override readAt(into: Uint8Array, offset: number): number {
    if (offset + into.length > this.harmlessBytes) throw new Error(`read ${into.length} bytes at ${offset}`);
    return super.readAt(into, offset);
  }

  override window(offset: number, lengthBytes: number): Uint8Array {
    if (offset + lengthBytes > this.harmlessBytes)
      throw new Error(`mapped ${lengthBytes} bytes at ${offset}`);
    return super.window(offset, lengthBytes);
  }
}

test.each([
  // As kexec-tools writes it on Debian's arm64 6.1, in this case with 512 MiB.
  ['of a size that no machine has', 0x5c84eda00000n, 0xffffa37b542a0000n],
  ['beyond the addresses that a CPU has', 2n ** 52n, 0x1000n],
  ['without a physical address', 2n ** 64n - 1n, 0x1000n],
])('a PT_LOAD %s is dropped before it is read', (_, paddr, sizeBytes) => {
  const memory = { paddr: 0x4000_0000, bytes: new Uint8Array(PAGES * PAGE).fill(1) };
  const other = { paddr, bytes: new Uint8Array(PAGE).fill(2), p_filesz: sizeBytes, p_memsz: sizeBytes };
  const bytes = buildVmcore({ vmcoreinfo: { OSRELEASE: '6.1.0', PAGESIZE: PAGE }, loads: [memory, other] });
  const source = new OopsingSource(bytes, bytes.indexOf(2, bytes.indexOf(1) + memory.bytes.length));
  const vmcore = openVmcore(source);
  expect(vmcore.segments.segments.map(({ start }) => start)).toEqual([memory.paddr]);

  const firstPfn = memory.paddr / PAGE;
  const bitmap2 = Bitmap.create(firstPfn + PAGES);
  for (let pfn = firstPfn; pfn < firstPfn + PAGES; pfn++) bitmap2.set(pfn);
  let taken = 0;
  const taker: PageTaker = {
    add(_window, _at, pages) {
      taken += pages;
    },
    addZeros: () => expect.unreachable(),
    addMissing: () => expect.unreachable(),
  };
  const input = { vmcore, pageSizeBytes: PAGE, bitmap2, findsZeros: false };
  for (const _ of new PageLoop(input, taker, { onUnreadable: () => expect.unreachable() }).take()) {
  }
  expect(taken).toBe(PAGES);
});
