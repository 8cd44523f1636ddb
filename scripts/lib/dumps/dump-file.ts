/** What a file looks like by its first bytes, without reading the rest: a dump, and whether it says it is incomplete. */
import { closeSync, readSync } from 'node:fs';
import { isFlattened } from '../../../capture/kdump/format/flattened.ts';
import { HEAD_BYTES, headMarks } from '../../../capture/kdump/format/head-marks.ts';
import { isKdumpFile } from '../../../capture/kdump/read/file.ts';
import { openRegular } from '../../../capture/storage/place/open-regular.ts';

export interface DumpHead {
  readonly format: 'kdump-compressed' | 'ELF' | 'flattened' | undefined;
  /** As makedumpfile marks a dump that it could not finish. */
  readonly isMarkedIncomplete: boolean;
}

/** @throws SystemError for what is no regular file; what Node's calls throw. */
export function readDumpHead(path: string): DumpHead {
  const head = new Uint8Array(HEAD_BYTES);
  const fd = openRegular(path);
  let count: number;
  try {
    count = readSync(fd, head, 0, head.length, 0);
  } finally {
    closeSync(fd);
  }
  const format = formatOf(head);
  if (format === undefined || format === 'flattened' || count < HEAD_BYTES)
    return { format, isMarkedIncomplete: false };
  const { flagsOffset, incompleteFlag } = headMarks(head);
  const flags = new DataView(head.buffer).getUint32(flagsOffset, true);
  return { format, isMarkedIncomplete: (flags & incompleteFlag) !== 0 };
}

/** ET_CORE, in elf.h. */
const ET_CORE = 4;
const E_TYPE_OFFSET = 16;

function formatOf(head: Uint8Array): DumpHead['format'] {
  if (isKdumpFile(head)) return 'kdump-compressed';
  if (isFlattened(head)) return 'flattened';
  const isElf = Buffer.from(head.buffer).toString('latin1', 0, 4) === '\x7fELF';
  return isElf && head[E_TYPE_OFFSET] === ET_CORE ? 'ELF' : undefined;
}
