/** What the page loop asks of a codec and of a decompressor: types alone, so that the pure core needs no FFI. */

/**
 * Compresses pages of one size. It holds native memory: call `close` when done with it.
 *
 * Source and output are whole windows with an offset, not views of a page, so that nothing is allocated per page.
 * Pass the same two objects for as long as they hold: a library behind the FFI is given a new address only when they
 * change. Neither may be a small array that V8 keeps on its own moving heap; a window of a page or more never is.
 */
export interface PageCompressor {
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

/** A compressor with its row's name and flag. */
export interface Codec extends PageCompressor {
  readonly name: string;
  /** DUMP_DH_COMPRESSED_*: in the header's `status`, and in the `flags` of a page stored that way. */
  readonly statusFlag: number;
  /** Undefined where each page gets the level that measured best for it, of which `level` is the usual one. */
  readonly askedLevel?: number;
}

/** Reads the pages of an existing dump. Holds native memory as a codec does. */
export interface Decompressor {
  /**
   * Fills the page at `outputOffset` from `sizeBytes` compressed bytes. The two arrays are as for `Codec.compress`.
   * @returns false when the bytes are damaged: they do not make exactly one page.
   */
  decompress(
    source: Uint8Array,
    sourceOffset: number,
    sizeBytes: number,
    output: Uint8Array,
    outputOffset: number,
  ): boolean;
  /** Damage in bits that decompression ignores and no checksum covers; undefined when there is none. */
  readonly ignoredDamage?: (
    source: Uint8Array,
    sourceOffset: number,
    sizeBytes: number,
  ) => string | undefined;
  close(): void;
}

/** The codecs that the pages of a dump may be stored with. */
export interface PageCodecs {
  /** The flags of all of them together. */
  readonly flags: number;
  /** The flags of those that detect a flipped bit in a compressed page. */
  readonly checksumFlags: number;
  /**
   * The decompressor for the flags of a page.
   * @throws SystemError when its library is not available, DumpFormatError for flags that name no single codec.
   */
  open(flags: number, pageSizeBytes: number): Decompressor;
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
