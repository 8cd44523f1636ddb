/** What a file is by its first and last bytes, without reading the rest: a dump, and whether it shows that it is incomplete. */
import { closeSync, fstatSync, readSync } from 'node:fs';
import { isFlattened, RECORD_HEADER_BYTES } from '../../../capture/kdump/format/flattened.ts';
import { HEAD_BYTES, headMarks } from '../../../capture/kdump/format/head-marks.ts';
import { isKdumpFile } from '../../../capture/kdump/read/file.ts';
import { openRegular } from '../../../capture/storage/place/open-regular.ts';
import { UsageError } from '../cli/command.ts';

export interface DumpHead {
  /** `compressed`: by a tool for any file, so that nothing is known of what is in it. */
  readonly format: 'kdump-compressed' | 'ELF' | 'flattened' | 'compressed' | undefined;
  readonly isEmpty?: boolean;
  /** How it shows that it is incomplete. */
  readonly incomplete?: string;
  /** The tool, for `compressed`. */
  readonly compressor?: string;
}

/** @throws SystemError for what is no regular file; what Node's calls throw. */
export function readDumpHead(path: string): DumpHead {
  const fd = openRegular(path);
  try {
    const head = new Uint8Array(HEAD_BYTES);
    const count = readSync(fd, head, 0, head.length, 0);
    const compressor = COMPRESSORS.find(({ magic }) => startsWith(head, magic))?.name;
    if (compressor) return { format: 'compressed', compressor };
    const format = formatOf(head);
    if (format === 'flattened') return hasEndMark(fd) ? { format } : { format, incomplete: CUT };
    if (format === undefined || count < HEAD_BYTES) return { format, isEmpty: count === 0 };
    const { flagsOffset, incompleteFlag } = headMarks(head);
    const flags = new DataView(head.buffer).getUint32(flagsOffset, true);
    return (flags & incompleteFlag) === 0 ? { format } : { format, incomplete: MARKED };
  } finally {
    closeSync(fd);
  }
}

/** @throws UsageError for a file that must be decompressed first. */
export function refuseCompressed(path: string, action: string): void {
  const { compressor } = readDumpHead(path);
  if (compressor === undefined) return;
  throw new UsageError('COMPRESSED', {
    action,
    actual: `it is compressed with ${compressor}`,
    toDo: `decompress it first: ${compressor} -d`,
  });
}

const MARKED = 'its header says that it is incomplete';
const CUT = 'it is cut: the flattened stream has no end mark';

/** What kdump-tools' KDUMP_COMPRESSION can be, and zstd. */
const COMPRESSORS: readonly { readonly name: string; readonly magic: readonly number[] }[] = [
  { name: 'gzip', magic: [0x1f, 0x8b] },
  { name: 'bzip2', magic: [0x42, 0x5a, 0x68] },
  { name: 'xz', magic: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00] },
  { name: 'lz4', magic: [0x04, 0x22, 0x4d, 0x18] },
  { name: 'zstd', magic: [0x28, 0xb5, 0x2f, 0xfd] },
];

function startsWith(head: Uint8Array, magic: readonly number[]): boolean {
  return magic.every((byte, i) => head[i] === byte);
}

/** Offset and size of the last record are -1. */
function hasEndMark(fd: number): boolean {
  const last = new Uint8Array(RECORD_HEADER_BYTES);
  const at = fstatSync(fd).size - last.length;
  return (
    at >= 0 && readSync(fd, last, 0, last.length, at) === last.length && last.every(byte => byte === 0xff)
  );
}

/** ET_CORE, in elf.h. */
const ET_CORE = 4;
const E_TYPE_OFFSET = 16;

function formatOf(head: Uint8Array): 'kdump-compressed' | 'ELF' | 'flattened' | undefined {
  if (isKdumpFile(head)) return 'kdump-compressed';
  if (isFlattened(head)) return 'flattened';
  return startsWith(head, [0x7f, 0x45, 0x4c, 0x46]) && head[E_TYPE_OFFSET] === ET_CORE ? 'ELF' : undefined;
}
