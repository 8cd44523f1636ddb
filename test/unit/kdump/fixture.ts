/** A machine's memory in a buffer, as the writer sees a vmcore, and a file in memory to write to. */

import { openNoneCodec } from '../../../capture/codecs/codec.ts';
import { Bitmap } from '../../../capture/filter/bitmap.ts';
import type { DumpSink } from '../../../capture/kdump/sink.ts';
import { type DumpEvents, type DumpInput, writeDump } from '../../../capture/kdump/write/writer.ts';
import { pfnRanges, type Segment, SegmentIndex } from '../../../capture/vmcore/segments.ts';
import type { ByteSource } from '../../../capture/vmcore/source.ts';

export const PAGE = 4096;

export class MemorySource implements ByteSource {
  readonly name = 'memory';
  readonly bytes: Buffer;
  readonly maxWindowBytes: number;
  /** Reads that touch any of these file offsets fail. */
  readonly badOffsets = new Set<number>();
  /** When set, every window fails: only readAt works. */
  windowsFail = false;

  constructor(bytes: Buffer, maxWindowBytes = 1 << 20) {
    this.bytes = bytes;
    this.maxWindowBytes = maxWindowBytes;
  }
  get sizeBytes(): number {
    return this.bytes.length;
  }
  readAt(into: Uint8Array, offset: number): number {
    this.#check(offset, into.length);
    return this.bytes.copy(into, 0, offset);
  }
  window(offset: number, lengthBytes: number): Uint8Array {
    if (this.windowsFail) throw new Error('EIO: no windows');
    if (lengthBytes > this.maxWindowBytes || offset + lengthBytes > this.sizeBytes)
      throw new RangeError('window');
    this.#check(offset, lengthBytes);
    return this.bytes.subarray(offset, offset + lengthBytes);
  }
  #check(offset: number, lengthBytes: number): void {
    for (const bad of this.badOffsets) {
      if (bad >= offset && bad < offset + lengthBytes) throw new Error(`EIO at ${bad}`);
    }
  }
}

export class MemoryFile implements DumpSink {
  syncs = 0;
  readonly writes: { offset: number; lengthBytes: number; syncsBefore: number }[] = [];
  readonly #capacityBytes: number;
  #room = Buffer.alloc(1 << 16);
  #sizeBytes = 0;

  /** The file takes nothing past `capacityBytes`. */
  constructor(capacityBytes = Number.POSITIVE_INFINITY) {
    this.#capacityBytes = capacityBytes;
  }
  get bytes(): Buffer {
    return this.#room.subarray(0, this.#sizeBytes);
  }
  writeAt(bytes: Uint8Array, offset: number): void {
    const end = offset + bytes.length;
    if (end > this.#capacityBytes) throw Object.assign(new Error('full'), { code: 'ENOSPC' });
    this.writes.push({ offset, lengthBytes: bytes.length, syncsBefore: this.syncs });
    if (end > this.#room.length) this.#room = Buffer.concat([this.bytes], 2 * end);
    this.#sizeBytes = Math.max(this.#sizeBytes, end);
    this.#room.set(bytes, offset);
  }
  sync(): void {
    this.syncs++;
  }
}

export type PageKind = 'zero' | 'text' | 'noise' | 'last byte';

/** A page with recognizable contents; "noise" does not compress, "last byte" is zero except for one byte. */
export function pageOf(kind: PageKind, seed: number): Buffer {
  const page = Buffer.alloc(PAGE);
  if (kind === 'text') page.fill(`page ${seed} of the machine's memory. `);
  if (kind === 'last byte') page[PAGE - 1] = 1 + (seed % 255);
  if (kind === 'noise') {
    let state = seed + 1;
    for (let at = 0; at < PAGE; at += 4) {
      state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + at) | 0;
      page.writeInt32LE(state ^ (state << 7), at);
    }
  }
  return page;
}

export const KINDS: readonly PageKind[] = ['text', 'zero', 'noise', 'last byte'];

export interface Extent {
  readonly start: number;
  readonly end: number;
  /** How much of it the file holds; all when left out. */
  readonly fileBytes?: number;
}

/** Memory from `extents` of physical addresses, laid out in the file one behind the other after `headBytes`. */
export function machine(
  extents: readonly Extent[],
  pageAt: (pfn: number) => Buffer,
  { headBytes = PAGE, noteBytes = Buffer.from('note: VMCOREINFO=here.') } = {},
) {
  const segments: Segment[] = [];
  const parts = [Buffer.alloc(headBytes, 0x5a)];
  let fileOffset = headBytes;
  for (const { start, end, fileBytes = end - start } of extents) {
    segments.push({ start, end, fileOffset, fileBytes });
    const bytes = Buffer.alloc(fileBytes);
    for (let at = 0; at < fileBytes; ) {
      const paddr = start + at;
      const inPage = paddr % PAGE;
      at += pageAt(Math.floor(paddr / PAGE)).copy(bytes, at, inPage);
    }
    parts.push(bytes);
    fileOffset += bytes.length;
  }
  const source = new MemorySource(Buffer.concat(parts));
  return {
    source,
    segments: new SegmentIndex(segments),
    pageSizeBytes: PAGE,
    noteBytes,
    vmcoreinfoOffset: 6,
    vmcoreinfoBytes: noteBytes.subarray(6),
  };
}

export type Machine = ReturnType<typeof machine>;

export function everyPage(vmcore: Machine): Bitmap {
  const bitmap = Bitmap.create(Math.ceil(vmcore.segments.maxPaddr / PAGE), PAGE);
  for (const { start, end } of pfnRanges(vmcore.segments.segments, PAGE)) bitmap.setRange(start, end);
  return bitmap;
}

export const UTSNAME = {
  sysname: 'Linux',
  nodename: 'lab',
  release: '6.1.0-56-cloud-amd64',
  version: '#1 SMP Debian',
  machine: 'x86_64',
  domainname: '(none)',
};

export function inputOf(vmcore: Machine, changes: Partial<DumpInput> = {}): DumpInput {
  return {
    vmcore,
    bitmap2: everyPage(vmcore),
    utsname: UTSNAME,
    crashTimeSeconds: 1_700_000_000,
    nr_cpus: 2,
    phys_base: -0x1000n,
    dumpLevel: 1,
    codec: openNoneCodec(),
    digestAlgorithm: 'sha256',
    ...changes,
  };
}

export function dump(vmcore: Machine, changes: Partial<DumpInput> = {}, events: DumpEvents = {}) {
  const file = new MemoryFile();
  const result = writeDump(inputOf(vmcore, changes), file, events);
  return { file, result };
}
