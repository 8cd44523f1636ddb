/** Opens a codec by its name: the C library, or else what Node has built in. */
import { type Ffi, openLibrary, openProgram } from '../ffi/library.ts';
import { type Codec, openNoneCodec, type PageCompressor } from './codec.ts';
import { type CodecName, type CodecRow, codecRow } from './table.ts';

export interface CodecChoice {
  readonly name: CodecName | 'none';
  readonly pageSizeBytes: number;
  /** The library's own scale; chosen by measurement when left out. */
  readonly level?: number;
}

/**
 * Opens the library of a codec.
 * @throws SystemError when the library is not available or does not start.
 */
export function openCodec(ffi: Ffi, { name, pageSizeBytes, level }: CodecChoice): Codec {
  if (name === 'none') return openNoneCodec();
  const row = codecRow(name);
  const openFromFile = () => row.open(ffi, openLibrary(ffi, row.libraries), pageSizeBytes, level);
  if (!row.isInNode) return named(row, openFromFile(), level);
  try {
    return named(row, row.open(ffi, openProgram(ffi), pageSizeBytes, level), level);
  } catch {
    return named(row, openFromFile(), level); // this build of Node does not export the library's functions
  }
}

/**
 * Opens a codec even if the FFI or the library is broken. Never throws: `onDegraded` gets the reason.
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

/** The codec that stands in for `wanted`, by Node's own zlib module. */
export function openNodeCodec(wanted: CodecName, pageSizeBytes: number): Codec {
  const row = codecRow(codecRow(wanted).fallback);
  if (!row.inNode) throw new RangeError(`Node has no codec ${row.name}`);
  return named(row, row.inNode.open(pageSizeBytes));
}

function named({ name, statusFlag }: CodecRow, compressor: PageCompressor, askedLevel?: number): Codec {
  return { ...compressor, name, statusFlag, askedLevel };
}
