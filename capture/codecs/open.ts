/** The C libraries that compress pages, by the codec's name. */

import { type Ffi, type Library, openLibrary, openProgram } from '../ffi/library.ts';
import { type Codec, type CodecName, codecFacts, openNoneCodec } from './codec.ts';
import { openLibdeflate } from './libdeflate.ts';
import { openLzo } from './lzo.ts';
import { openNodeCodec } from './node-zlib.ts';
import { openSnappy } from './snappy.ts';
import { openZstd } from './zstd.ts';

/** Smaller than what zstd does unasked by some percent, at twice the time: for where room is what counts. */
export const ZSTD_STRONG_LEVEL = 4;

export interface CodecChoice {
  readonly name: CodecName;
  readonly pageSizeBytes: number;
  /** The library's own scale; chosen by measurement when left out. */
  readonly level?: number;
}

/**
 * Opens the library of a codec.
 * @throws SystemError when the library cannot be had or refuses to start.
 */
export function openCodec(ffi: Ffi, { name, pageSizeBytes, level }: CodecChoice): Codec {
  const library = (): Library => openLibrary(ffi, codecFacts(name).libraries);
  switch (name) {
    case 'zstd': {
      const open = (zstd: Library): Codec => openZstd(ffi, zstd, pageSizeBytes, level);
      try {
        return open(openProgram(ffi));
      } catch {
        return open(library()); // a Node that keeps its zstd to itself
      }
    }
    case 'zlib':
      return openLibdeflate(ffi, library(), pageSizeBytes, level);
    case 'lzo':
      return openLzo(ffi, library(), pageSizeBytes);
    case 'snappy':
      return openSnappy(ffi, library(), pageSizeBytes);
    case 'none':
      return openNoneCodec();
  }
}

/**
 * Opens a codec whatever is broken: the library, or else what Node carries. Degrades, never fails: `onDegraded` hears why.
 * `openFfi` is called here so that its failure is one of the reasons.
 */
export function openCodecOrFallback(
  openFfi: () => Ffi,
  choice: CodecChoice,
  onDegraded: (codec: Codec, cause: unknown) => void,
): Codec {
  if (choice.name === 'none') return openNoneCodec();
  try {
    return openCodec(openFfi(), choice);
  } catch (error) {
    const codec = openNodeCodec(choice.name, choice.pageSizeBytes);
    onDegraded(codec, error);
    return codec;
  }
}
