/** How a page is compressed: the codecs that the kdump-compressed format knows, as data, and what the page loop asks of one. */
import { DumpFormatError } from '../errors.ts';

export type CodecName = 'zstd' | 'zlib' | 'lzo' | 'snappy' | 'none';

export interface CodecFacts {
  readonly name: CodecName;
  /** DUMP_DH_COMPRESSED_*: in the header's `status`, and in the `flags` of a page stored that way. */
  readonly statusFlag: number;
  /** makedumpfile's option, without the dash. */
  readonly option: string;
  /** The library that is called, by soname. */
  readonly libraries: readonly string[];
  /** Node has the library linked in and exports its functions: the image needs no copy of it. */
  readonly inNode: boolean;
}

export const CODECS: readonly CodecFacts[] = [
  { name: 'zstd', statusFlag: 0x20, option: 'z', libraries: ['libzstd.so.1'], inNode: true },
  { name: 'zlib', statusFlag: 0x1, option: 'c', libraries: ['libdeflate.so.0'], inNode: false },
  { name: 'lzo', statusFlag: 0x2, option: 'l', libraries: ['liblzo2.so.2'], inNode: false },
  { name: 'snappy', statusFlag: 0x4, option: 'p', libraries: ['libsnappy.so.1'], inNode: false },
  { name: 'none', statusFlag: 0, option: '', libraries: [], inNode: false },
];

/**
 * Compresses pages of one size. A codec holds native memory: call `close` when done with it.
 *
 * Source and output are whole windows with an offset, not views of a page, so that nothing is allocated per page.
 * Hand the same two objects in for as long as they hold: a codec behind the FFI asks for an address only when they
 * change. Neither may be a small array that V8 keeps on its own moving heap; a window of a page or more never is.
 */
export interface Codec {
  readonly name: CodecName;
  readonly statusFlag: number;
  /** The codec's own scale; 0 for those that have none. */
  readonly level: number;
  /** Who does the work, for the log: the library, or "node:zlib". */
  readonly implementation: string;
  /** Room that `compress` needs from `outputOffset` on; the bytes behind the returned length are undefined. */
  readonly maxOutputBytes: number;
  /**
   * Compresses the page at `sourceOffset` to `outputOffset`.
   * @returns the compressed length in bytes, or 0 when it is not below a page: store the page as it is.
   */
  compress(source: Uint8Array, sourceOffset: number, output: Uint8Array, outputOffset: number): number;
  close(): void;
}

/** The way back, for dumps that are filtered again. Holds native memory as a codec does. */
export interface Decompressor {
  /**
   * Fills the page at `outputOffset` from `sizeBytes` compressed bytes. The two arrays are as for `Codec.compress`.
   * @returns false when the bytes are damaged: they don't make exactly one page.
   */
  decompress(
    source: Uint8Array,
    sourceOffset: number,
    sizeBytes: number,
    output: Uint8Array,
    outputOffset: number,
  ): boolean;
  close(): void;
}

/** @throws DumpFormatError for a name that is no codec's. */
export function codecFacts(name: string): CodecFacts {
  const facts = CODECS.find(codec => codec.name === name);
  if (facts) return facts;
  throw new DumpFormatError('CODEC_UNKNOWN', {
    action: 'compress the dump',
    actual: `"${name}" is no codec`,
    wanted: CODECS.map(codec => codec.name).join(', '),
  });
}

/** Stores every page as it is. */
export function openNoneCodec(): Codec {
  return {
    name: 'none',
    statusFlag: 0,
    level: 0,
    implementation: 'none',
    maxOutputBytes: 0,
    compress: () => 0,
    close: () => {},
  };
}
