/**
 * The codecs that Node carries in itself, for when the FFI or a library cannot be had: 3 to 10 times slower a page than
 * the libraries (lab-notes.md), and a broken FFI must cost time, not the dump.
 */
import { constants, deflateSync, type ZlibOptions, type ZstdOptions, zstdCompressSync } from 'node:zlib';
import { type Codec, codecFacts } from './codec.ts';

/** Every reader of the format knows zlib, so lzo and snappy, which Node lacks, become zlib. */
export function openNodeCodec(wanted: 'zstd' | 'zlib' | 'lzo' | 'snappy', pageSizeBytes: number): Codec {
  return wanted === 'zstd' ? openNodeZstd(pageSizeBytes) : openNodeZlib(pageSizeBytes);
}

function openNodeZstd(pageSizeBytes: number): Codec {
  const level = 1;
  const options: ZstdOptions = {
    params: { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 },
    pledgedSrcSize: pageSizeBytes,
  };
  return nodeCodec('zstd', level, pageSizeBytes, page => zstdCompressSync(page, options));
}

function openNodeZlib(pageSizeBytes: number): Codec {
  const level = constants.Z_BEST_SPEED;
  // zlib's own working memory is cut to what a page can use; its buffers are made anew for every page.
  const windowBits = Math.min(15, Math.max(9, Math.ceil(Math.log2(pageSizeBytes))));
  const options: ZlibOptions = { level, windowBits, chunkSize: pageSizeBytes + 128 };
  return nodeCodec('zlib', level, pageSizeBytes, page => deflateSync(page, options));
}

function nodeCodec(
  name: 'zstd' | 'zlib',
  level: number,
  pageSizeBytes: number,
  compressPage: (page: Uint8Array) => Uint8Array,
): Codec {
  return {
    name,
    statusFlag: codecFacts(name).statusFlag,
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
