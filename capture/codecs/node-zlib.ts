/**
 * Codecs by Node's own zlib module, for when the FFI or a library is not available: a broken FFI must cost time, not the
 * dump.
 */
import {
  constants,
  deflateSync,
  inflateSync,
  type ZlibOptions,
  type ZstdOptions,
  zstdCompressSync,
  zstdDecompressSync,
} from 'node:zlib';
import type { Decompressor, PageCompressor } from './codec.ts';
import { unusedBitDamage } from './zstd-frame.ts';

export function openNodeZstd(pageSizeBytes: number): PageCompressor {
  const level = 1;
  const options: ZstdOptions = {
    params: { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 },
    pledgedSrcSize: pageSizeBytes,
  };
  return nodeCompressor(level, pageSizeBytes, page => zstdCompressSync(page, options));
}

export function openNodeZlib(pageSizeBytes: number): PageCompressor {
  const level = constants.Z_BEST_SPEED;
  // zlib's working memory is limited to what a page can use, because Node allocates it anew for every page.
  const windowBits = Math.min(15, Math.max(9, Math.ceil(Math.log2(pageSizeBytes))));
  const options: ZlibOptions = { level, windowBits, chunkSize: pageSizeBytes + 128 };
  return nodeCompressor(level, pageSizeBytes, page => deflateSync(page, options));
}

export function openNodeZstdDecompressor(pageSizeBytes: number): Decompressor {
  const options = { maxOutputLength: pageSizeBytes };
  return {
    ...nodeDecompressor(pageSizeBytes, stored => zstdDecompressSync(stored, options)),
    ignoredDamage: unusedBitDamage,
  };
}

export function openNodeZlibDecompressor(pageSizeBytes: number): Decompressor {
  const options = { maxOutputLength: pageSizeBytes };
  return nodeDecompressor(pageSizeBytes, stored => inflateSync(stored, options));
}

function nodeCompressor(
  level: number,
  pageSizeBytes: number,
  compressPage: (page: Uint8Array) => Uint8Array,
): PageCompressor {
  return {
    level,
    implementation: 'node:zlib',
    maxOutputBytes: pageSizeBytes,
    compress(source, sourceOffset, output, outputOffset) {
      const compressed = compressPage(source.subarray(sourceOffset, sourceOffset + pageSizeBytes));
      if (compressed.length >= pageSizeBytes) return 0;
      output.set(compressed, outputOffset);
      return compressed.length;
    },
    close: () => {},
  };
}

function nodeDecompressor(
  pageSizeBytes: number,
  decompressPage: (stored: Uint8Array) => Uint8Array,
): Decompressor {
  return {
    decompress(source, sourceOffset, sizeBytes, output, outputOffset) {
      try {
        const page = decompressPage(source.subarray(sourceOffset, sourceOffset + sizeBytes));
        if (page.length !== pageSizeBytes) return false;
        output.set(page, outputOffset);
        return true;
      } catch {
        return false;
      }
    },
    close: () => {},
  };
}
