/**
 * Joins the files of a split dump (makedumpfile --reassemble). Pages are copied without recompression. Each is decompressed
 * once to check it: a damaged page is left out, as when a damaged dump is dumped again.
 */

import { openNoneCodec, type PageCodecs } from '../../codecs/codec.ts';
import { DumpFormatError } from '../../errors.ts';
import { DUMP_LEVEL_ZERO } from '../../filter/dump-level.ts';
import type { PfnRange } from '../../vmcore/segments.ts';
import { StoredPages } from '../check/stored-pages.ts';
import {
  DISK_DUMP_HEADER_BYTES,
  DUMP_DH_COMPRESSED_INCOMPLETE,
  encodeDiskDumpHeader,
  encodeKdumpSubHeader,
} from '../format/header.ts';
import { planLayout } from '../format/layout.ts';
import { DescriptorReader, isStoredPage, type KdumpFile } from '../read/file.ts';
import type { DumpSink } from '../sink.ts';
import type { Steps } from '../steps.ts';
import { PageStore } from '../write/page-store.ts';

const PAGES_PER_STEP = 1024;

export interface ReassembleCounts {
  readonly pagesDumped: number;
  /** Pages that a file describes but lacks, and damaged ones. */
  readonly pagesMissing: number;
  /** Of the missing pages, those whose data is damaged. */
  readonly pagesDamaged: number;
  /** The dump is marked incomplete: pages are missing, a file had the mark, or a file's head is damaged. */
  readonly isIncomplete: boolean;
  readonly bytesWritten: number;
}

export interface Reassembling {
  readonly codecs: PageCodecs;
  /** A file's head or descriptors are damaged, so the dump stays marked incomplete. */
  readonly isInputDamaged?: boolean;
  readonly onProgress?: (pagesDone: number, pagesTotal: number) => void;
}

/** @throws DumpFormatError when the files are not exactly those of one dump. */
export function* reassembleSteps(
  files: readonly KdumpFile[],
  sink: DumpSink,
  { codecs, isInputDamaged = false, onProgress = () => {} }: Reassembling,
): Steps<ReassembleCounts> {
  const pieces = inOrder(files);
  const [first] = pieces;
  const { header, sub, bitmap2, max_mapnr, descriptorsOffset } = first;
  const pagesTotal = bitmap2.count();
  const layout = {
    ...planLayout({
      pageSizeBytes: header.block_size,
      max_mapnr,
      noteBytes: sub.size_note,
      dumpablePages: pagesTotal,
    }),
    descriptorsOffset,
    dataOffset: descriptorsOffset + 24 * pagesTotal,
  };
  const flags = pieces.reduce((bits, piece) => bits | piece.header.status, 0);
  const head = (status: number) => encodeDiskDumpHeader({ ...header, status });
  sink.writeAt(head(flags | DUMP_DH_COMPRESSED_INCOMPLETE), 0);
  const whole = { ...sub, split: 0, start_pfn_64: 0, end_pfn_64: 0 };
  sink.writeAt(encodeKdumpSubHeader(whole), header.block_size);
  copyRange(first, sink, layout.offset_note, descriptorsOffset);

  const store = new PageStore(sink, {
    layout,
    codec: openNoneCodec(),
    sharesZeroPage: (sub.dump_level & DUMP_LEVEL_ZERO) !== 0,
    digestAlgorithm: 'none',
  });
  let pagesMissing = 0;
  let pagesDamaged = 0;
  for (const piece of pieces) {
    const descriptors = new DescriptorReader(piece);
    const stored = new StoredPages(piece, codecs);
    const count = bitmap2.countIn(piece.sub.start_pfn_64, piece.sub.end_pfn_64);
    try {
      for (let i = 0; i < count; i++) {
        const page = descriptors.at(i);
        const isThere = isStoredPage(piece, page);
        const isDamaged = isThere && stored.faultOf(page) !== undefined;
        if (isDamaged) pagesDamaged++;
        if (!isThere || isDamaged) {
          pagesMissing++;
          store.addAbsent();
        } else if (store.sharesZeroPage && page.offset === layout.dataOffset) {
          store.addZero();
        } else {
          store.addStored(piece.source.window(page.offset, page.size), page.flags);
        }
        if (i % PAGES_PER_STEP !== 0) continue;
        onProgress(store.pagesStored, pagesTotal);
        yield;
      }
    } finally {
      stored.close();
    }
  }
  store.flush();
  sink.sync();
  const lacks = pagesMissing > 0 || isInputDamaged;
  const status = flags | (lacks ? DUMP_DH_COMPRESSED_INCOMPLETE : 0);
  sink.writeAt(head(status).subarray(0, DISK_DUMP_HEADER_BYTES), 0);
  const isIncomplete = (status & DUMP_DH_COMPRESSED_INCOMPLETE) !== 0;
  return { pagesDumped: pagesTotal, pagesMissing, pagesDamaged, isIncomplete, bytesWritten: store.endOffset };
}

/** Sorted, and checked to cover all pages without a gap. */
function inOrder(files: readonly KdumpFile[]): KdumpFile[] {
  const refuse = (file: KdumpFile, actual: string, wanted: string): DumpFormatError =>
    new DumpFormatError('SPLIT_MISMATCH', { action: `reassemble ${file.source.name}`, actual, wanted });
  const range = ({ sub }: KdumpFile): PfnRange => ({ start: sub.start_pfn_64, end: sub.end_pfn_64 });
  const pieces = files.toSorted((a, b) => range(a).start - range(b).start || range(a).end - range(b).end);
  const [first] = pieces;
  let end = 0;
  for (const piece of pieces) {
    const { start, end: pieceEnd } = range(piece);
    if (piece.sub.split !== 1) throw refuse(piece, 'it is not part of a split dump', 'files made by --split');
    if (piece.sub.size_eraseinfo > 0)
      throw refuse(
        piece,
        'data was erased from it',
        'files without eraseinfo, which only makedumpfile can reassemble',
      );
    if (identityOf(piece) !== identityOf(first)) {
      throw refuse(piece, `it belongs to another dump than ${first.source.name}`, 'files of one dump');
    }
    if (start !== end || pieceEnd < start) {
      throw refuse(piece, `its pages are ${start} to ${pieceEnd}`, `pages from ${end} on`);
    }
    end = pieceEnd;
  }
  if (end === first.max_mapnr) return pieces;
  throw refuse(pieces.at(-1)!, `no file has the pages from ${end} on`, 'all files of the dump');
}

/** Equal for all files of one dump. */
function identityOf({ header, sub, max_mapnr }: KdumpFile): string {
  const status = header.status & ~DUMP_DH_COMPRESSED_INCOMPLETE;
  return JSON.stringify([
    { ...header, status },
    max_mapnr,
    sub.dump_level,
    sub.size_note,
    `${sub.phys_base}`,
  ]);
}

function copyRange({ source }: KdumpFile, sink: DumpSink, from: number, to: number): void {
  // In aligned windows, so that a sink which leaves out zero blocks sees whole blocks.
  const { maxWindowBytes } = source;
  for (let at = from; at < to; ) {
    const end = Math.min(to, (Math.floor(at / maxWindowBytes) + 1) * maxWindowBytes);
    sink.writeAt(source.window(at, end - at), at);
    at = end;
  }
}
