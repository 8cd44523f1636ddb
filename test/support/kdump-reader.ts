/**
 * Reads kdump-compressed files for tests. Written from makedumpfile's diskdump_mod.h and from how crash's diskdump.c
 * reads; it shares no code with capture/, so that the two can only agree by both being right.
 */
import { inflateSync, zstdDecompressSync } from 'node:zlib';

export type Decompress = (compressed: Uint8Array, pageSizeBytes: number) => Uint8Array;

export interface KdumpFile {
  readonly header: ReturnType<typeof readHeader>;
  readonly vmcoreinfo: string;
  readonly note: Buffer;
  /** One past the last byte that any descriptor refers to. */
  readonly dataEnd: number;
  readonly descriptorCount: number;
  isPresent(pfn: number): boolean;
  isDumpable(pfn: number): boolean;
  descriptor(pfn: number): { offset: number; size: number; flags: number };
  /** The page's bytes; "excluded" by bitmap2, or "missing" from an incomplete dump. */
  readPage(pfn: number): Buffer | 'excluded' | 'missing';
}

/** @param more decompressors of page flags besides zlib (1) and zstd (0x20). */
export function openKdump(file: Buffer, more: Readonly<Record<number, Decompress>> = {}): KdumpFile {
  const header = readHeader(file);
  const { blockSize } = header;
  const bitmapLength = (header.bitmapBlocks / 2) * blockSize;
  const bitmapAt = (1 + header.subHdrSize) * blockSize;
  const bitmaps = [0, 1].map(i =>
    file.subarray(bitmapAt + i * bitmapLength, bitmapAt + (i + 1) * bitmapLength),
  );
  const descriptorsAt = bitmapAt + 2 * bitmapLength;
  const bit = (bitmap: Buffer, pfn: number) =>
    pfn < header.maxMapnr64 && ((bitmap[(pfn - (pfn % 8)) / 8] >> (pfn % 8)) & 1) === 1;
  const rankBefore: number[] = [0];
  for (const byte of bitmaps[1]) {
    rankBefore.push(rankBefore.at(-1)! + [...byte.toString(2)].filter(digit => digit === '1').length);
  }
  const descriptorNumber = (pfn: number) => {
    let rank = rankBefore[Math.floor(pfn / 8)];
    for (let before = pfn - (pfn % 8); before < pfn; before++) rank += bit(bitmaps[1], before) ? 1 : 0;
    return rank;
  };
  const descriptorAt = (index: number) => {
    const at = descriptorsAt + index * 24;
    if (at + 24 > file.length) return { offset: 0, size: 0, flags: 0 };
    return {
      offset: Number(file.readBigInt64LE(at)),
      size: file.readUInt32LE(at + 8),
      flags: file.readUInt32LE(at + 12),
    };
  };
  const descriptorCount = rankBefore.at(-1)!;
  const decompressors: Readonly<Record<number, Decompress>> = {
    0: stored => stored,
    1: stored => inflateSync(stored),
    32: stored => zstdDecompressSync(stored),
    ...more,
  };
  return {
    header,
    note: file.subarray(header.offsetNote, header.offsetNote + header.sizeNote),
    vmcoreinfo: file
      .subarray(header.offsetVmcoreinfo, header.offsetVmcoreinfo + header.sizeVmcoreinfo)
      .toString('latin1'),
    descriptorCount,
    get dataEnd() {
      let end = descriptorsAt + descriptorCount * 24;
      for (let i = 0; i < descriptorCount; i++)
        end = Math.max(end, descriptorAt(i).offset + descriptorAt(i).size);
      return end;
    },
    isPresent: pfn => bit(bitmaps[0], pfn),
    isDumpable: pfn => bit(bitmaps[1], pfn),
    descriptor: pfn => descriptorAt(descriptorNumber(pfn)),
    readPage(pfn) {
      if (!bit(bitmaps[1], pfn)) return 'excluded';
      const { offset, size, flags } = descriptorAt(descriptorNumber(pfn));
      if (offset === 0 && (header.status & 8) !== 0) return 'missing';
      const stored = file.subarray(offset, offset + size);
      if (offset <= 0 || size > blockSize || stored.length < size) {
        throw new Error(`pfn ${pfn}: ${size} bytes at ${offset} are no page of this file`);
      }
      const decompress = decompressors[flags];
      if (!decompress) throw new Error(`pfn ${pfn}: page flags 0x${flags.toString(16)}`);
      const page = Buffer.from(decompress(stored, blockSize));
      if (page.length !== blockSize) throw new Error(`pfn ${pfn}: ${page.length} bytes come out`);
      return page;
    },
  };
}

function readHeader(file: Buffer) {
  const text = (at: number, length: number) => file.toString('latin1', at, at + length).replace(/\0.*$/s, '');
  const blockSize = file.readInt32LE(428);
  const sub = file.subarray(blockSize);
  const long = (at: number) => Number(sub.readBigUInt64LE(at));
  return {
    signature: file.toString('latin1', 0, 8),
    headerVersion: file.readInt32LE(8),
    sysname: text(12, 65),
    nodename: text(77, 65),
    release: text(142, 65),
    version: text(207, 65),
    machine: text(272, 65),
    domainname: text(337, 65),
    tvSec: Number(file.readBigInt64LE(408)),
    status: file.readUInt32LE(424),
    blockSize,
    subHdrSize: file.readInt32LE(432),
    bitmapBlocks: file.readUInt32LE(436),
    maxMapnr: file.readUInt32LE(440),
    nrCpus: file.readInt32LE(460),
    physBase: sub.readBigUInt64LE(0),
    dumpLevel: sub.readInt32LE(8),
    split: sub.readInt32LE(12),
    offsetVmcoreinfo: long(32),
    sizeVmcoreinfo: long(40),
    offsetNote: long(48),
    sizeNote: long(56),
    sizeEraseinfo: long(72),
    maxMapnr64: long(96),
  };
}
