/**
 * igzip, the deflate of ISA-L (igzip_lib.h, BSD-3-Clause), writes the zlib format that other tools inflate, in a third of zlib's
 * time. Its structures are laid out here as in 2.25 to 2.32, all of which have the soname libisal.so.2.
 */
import { SystemError } from '../errors.ts';
import { AddressOf, addressOf } from '../ffi/addresses.ts';
import type { Ffi, Library } from '../ffi/library.ts';
import type { Decompressor, PageCompressor } from './codec.ts';
import { DensePageDetector } from './dense-page.ts';
import { HALF_EMPTY_PAGES_CODE, histogramOf } from './igzip-code.ts';
import { openPlace } from './igzip-place.ts';

const COMP_OK = 0;
const ISAL_DECOMP_OK = 0;
/** IGZIP_ZLIB of a compressor and ISAL_ZLIB of a decompressor. */
const ZLIB_FORMAT = 3;
const IGZIP_HUFFTABLE_STATIC = 2;

/** struct isal_zstream: its bytes, and its fields in words of 32 bits. */
const STREAM_BYTES = 82_384;
const STREAM = {
  nextIn: 0,
  availIn: 2,
  totalIn: 3,
  nextOut: 4,
  availOut: 6,
  totalOut: 7,
  huffTables: 8,
  level: 10,
  levelBufSize: 11,
  levelBuf: 12,
  /** Two fields of 16 bits: end_of_stream and flush. */
  endOfStream: 14,
  /** Two fields of 16 bits: gzip_flag and hist_bits, of which 0 is the default. */
  gzipFlag: 15,
  /** Four fields of 8 bits, of which the first, has_wrap_hdr, is not reset by the library. */
  hasWrapHdr: 33,
} as const;
/** struct isal_hufftables */
const HUFF_TABLES_BYTES = 2232;
/** ISAL_DEF_LVL1_REQ, and a token of 4 bytes for each byte of a page with a few more. */
const levelBufBytes = (pageSizeBytes: number): number => 20_480 + 4 * (pageSizeBytes + 1024);

/** struct inflate_state, likewise. */
const INFLATE_BYTES = 87_368;
const INFLATE = {
  nextOut: 0,
  availOut: 2,
  totalOut: 3,
  nextIn: 4,
  availIn: 8,
  crcFlag: 5293,
} as const;
/** A library with larger structures than those above would write behind them before its pages show it. */
const SPARE_BYTES = 8192;
/**
 * The checksum of 2.30 for arm64 reads 32 bytes behind the page, and behind a page of /proc/vmcore there may be none, or one of broken
 * memory. So a page is in memory of ours while it is compressed or inflated, with so many bytes behind it.
 */
const READ_BEHIND_BYTES = 64;

/** A Huffman code for each page. */
const LEVEL = 1;
/** Codes that are there already. Three to four times as fast as level 1, which mostly makes codes. */
const READY_CODE_LEVEL = 0;
const LEVELS: readonly number[] = [READY_CODE_LEVEL, LEVEL];
/** The shares of zeros (dense-page.ts) past which the ready codes cost little: ours, and deflate's own. */
const HALF_EMPTY = 1 / 2;
const ALMOST_EMPTY = 3 / 4;
/** Of 4 KiB 16 words are looked at: by eight, which zstd takes, pages would be 2 % larger. */
const STRIDE_WORDS = 63;

/**
 * @param level for all pages, with deflate's own code at level 0; by default each page gets the fastest way that does not make
 * it much larger.
 * @throws SystemError when the library is not what is described above.
 */
export function openIgzip(ffi: Ffi, library: Library, pageSizeBytes: number, level?: number): PageCompressor {
  if (level !== undefined && !LEVELS.includes(level)) {
    throw new SystemError(
      'IGZIP',
      { action: 'start igzip', actual: `the level is ${level}`, wanted: LEVELS.join(' or ') },
      { level },
    );
  }
  const compressor = compressorOf(ffi, library, pageSizeBytes, level);
  const decompressor = openIgzipDecompressor(ffi, library, pageSizeBytes);
  try {
    checkLayout(compressor, decompressor, pageSizeBytes);
    return compressor;
  } catch (error) {
    compressor.close();
    throw error;
  } finally {
    decompressor.close();
  }
}

function compressorOf(
  ffi: Ffi,
  library: Library,
  pageSizeBytes: number,
  level: number | undefined,
): PageCompressor {
  const init = library.func('void isal_deflate_stateless_init(uintptr_t)');
  const setHuffTables = library.func('int isal_deflate_set_hufftables(uintptr_t, uintptr_t, int)');
  const createHuffTables = library.func('int isal_create_hufftables(uintptr_t, uintptr_t)');
  const deflateStateless = library.func('int isal_deflate_stateless(uintptr_t)');
  const memcpy = library.func('void memcpy(uintptr_t, uintptr_t, size_t)');

  const levelBufAt = STREAM_BYTES + SPARE_BYTES;
  const tablesAt = levelBufAt + levelBufBytes(pageSizeBytes);
  const pageAt = tablesAt + HUFF_TABLES_BYTES + SPARE_BYTES;
  const { address, words, release } = openPlace(ffi, library, pageAt + pageSizeBytes + READ_BEHIND_BYTES);
  let stream: Uint32Array | undefined = words;
  const histogram = histogramOf(HALF_EMPTY_PAGES_CODE);
  init(address);
  expectDone('set the code of deflate', setHuffTables(address, 0, IGZIP_HUFFTABLE_STATIC));
  expectDone('make a code', createHuffTables(address + tablesAt, addressOf(ffi, histogram)));

  const staticLow = stream[STREAM.huffTables];
  const staticHigh = stream[STREAM.huffTables + 1];
  const ownLow = low(address + tablesAt);
  const ownHigh = high(address + tablesAt);
  setAddress(stream, STREAM.levelBuf, address + levelBufAt);
  stream[STREAM.levelBufSize] = levelBufBytes(pageSizeBytes);

  const rather = {
    full: new DensePageDetector(pageSizeBytes, HALF_EMPTY, STRIDE_WORDS),
    halfEmpty: new DensePageDetector(pageSizeBytes, ALMOST_EMPTY, STRIDE_WORDS),
  };
  // With less room than a page it fails for a page that does not shrink, for which `compress` must return 0.
  const maxOutputBytes = pageSizeBytes - 1;
  const sourceAddress = new AddressOf(ffi);
  const outputAddress = new AddressOf(ffi);
  return {
    level: level ?? LEVEL,
    implementation: 'libisal',
    maxOutputBytes,
    compress(source, sourceOffset, output, outputOffset) {
      if (!stream) return 0;
      if (level !== undefined) {
        stream[STREAM.level] = level;
      } else if (rather.full.isDense(source, sourceOffset)) {
        stream[STREAM.level] = LEVEL;
      } else {
        const isOwn = rather.halfEmpty.isDense(source, sourceOffset);
        stream[STREAM.level] = READY_CODE_LEVEL;
        stream[STREAM.huffTables] = isOwn ? ownLow : staticLow;
        stream[STREAM.huffTables + 1] = isOwn ? ownHigh : staticHigh;
      }
      memcpy(address + pageAt, sourceAddress.of(source) + sourceOffset, pageSizeBytes);
      setAddress(stream, STREAM.nextIn, address + pageAt);
      stream[STREAM.availIn] = pageSizeBytes;
      stream[STREAM.totalIn] = 0;
      setAddress(stream, STREAM.nextOut, outputAddress.of(output) + outputOffset);
      stream[STREAM.availOut] = maxOutputBytes;
      stream[STREAM.totalOut] = 0;
      stream[STREAM.endOfStream] = 1;
      stream[STREAM.gzipFlag] = ZLIB_FORMAT;
      stream[STREAM.hasWrapHdr] = 0;
      return deflateStateless(address) === COMP_OK ? stream[STREAM.totalOut] : 0;
    },
    close: () => {
      if (stream) release();
      stream = undefined;
    },
  };
}

export function openIgzipDecompressor(ffi: Ffi, library: Library, pageSizeBytes: number): Decompressor {
  const inflateStateless = library.func('int isal_inflate_stateless(uintptr_t)');
  const memcpy = library.func('void memcpy(uintptr_t, uintptr_t, size_t)');
  const pageAt = INFLATE_BYTES + SPARE_BYTES;
  // Read on every call, so that it is not collected while its address is in use.
  let state: Uint32Array | undefined = new Uint32Array((pageAt + pageSizeBytes + READ_BEHIND_BYTES) / 4);
  const address = addressOf(ffi, new Uint8Array(state.buffer));
  const sourceAddress = new AddressOf(ffi);
  const outputAddress = new AddressOf(ffi);
  return {
    decompress(source, sourceOffset, sizeBytes, output, outputOffset) {
      if (!state) return false;
      setAddress(state, INFLATE.nextIn, sourceAddress.of(source) + sourceOffset);
      state[INFLATE.availIn] = sizeBytes;
      setAddress(state, INFLATE.nextOut, address + pageAt);
      state[INFLATE.availOut] = pageSizeBytes;
      state[INFLATE.totalOut] = 0;
      state[INFLATE.crcFlag] = ZLIB_FORMAT;
      if (inflateStateless(address) !== ISAL_DECOMP_OK || state[INFLATE.totalOut] !== pageSizeBytes)
        return false;
      memcpy(outputAddress.of(output) + outputOffset, address + pageAt, pageSizeBytes);
      return true;
    },
    close: () => {
      state = undefined;
    },
  };
}

/** Compresses a page of each kind and inflates it. @throws SystemError when that does not give the page back. */
function checkLayout(compressor: PageCompressor, decompressor: Decompressor, pageSizeBytes: number): void {
  const output = new Uint8Array(pageSizeBytes);
  const back = new Uint8Array(pageSizeBytes);
  for (const wordsOf16 of [16, 7, 2]) {
    const page = new Uint8Array(pageSizeBytes);
    for (let i = 0; i < page.length; i++) if ((i >> 2) % 16 < wordsOf16) page[i] = 1 + ((i * i) % 61);
    const size = compressor.compress(page, 0, output, 0);
    const isInflated = size > 0 && decompressor.decompress(output, 0, size, back, 0);
    if (isInflated && Buffer.compare(page, back) === 0) continue;
    throw new SystemError('IGZIP', {
      action: 'start igzip',
      actual: 'a page is another one, or none, after it was compressed and inflated',
      wanted: 'ISA-L 2.25 to 2.32, or one with their structures',
    });
  }
}

function expectDone(action: string, status: number): void {
  if (status === COMP_OK) return;
  throw new SystemError('IGZIP', { action, actual: `the library returned ${status}`, wanted: `${COMP_OK}` });
}

function setAddress(words: Uint32Array, at: number, address: number): void {
  words[at] = low(address);
  words[at + 1] = high(address);
}

function low(address: number): number {
  return address >>> 0;
}

function high(address: number): number {
  return (address / 0x1_0000_0000) >>> 0;
}
