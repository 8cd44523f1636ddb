/**
 * The codecs that Node carries in itself, for when the FFI or a library cannot be had: 3 to 10 times slower a page than
 * the libraries (lab-notes.md), and a broken FFI must cost time, not the dump.
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
import { DumpFormatError } from '../errors.ts';
import { type Codec, type CodecName, codecFacts, type Decompressor } from './codec.ts';

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

/** @throws DumpFormatError for a codec that Node has not. */
export function openNodeDecompressor(name: CodecName, pageSizeBytes: number): Decompressor {
  const options = { maxOutputLength: pageSizeBytes };
  const decompressors: Partial<Record<CodecName, (stored: Uint8Array) => Uint8Array>> = {
    zlib: stored => inflateSync(stored, options),
    zstd: stored => zstdDecompressSync(stored, options),
  };
  const decompressPage = decompressors[name];
  if (!decompressPage) {
    throw new DumpFormatError('CODEC_UNAVAILABLE', {
      action: `decompress ${name}`,
      actual: 'Node cannot',
      wanted: 'the FFI and the library',
    });
  }
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
