/** The file that `kdumpling dump` reads: a flattened dump is opened as the file that it stands for. */
import { fstatSync } from 'node:fs';
import type { Libc } from '../../../capture/ffi/libc.ts';
import { isFlattened } from '../../../capture/kdump/format/flattened.ts';
import { openFlattenedSource } from '../../../capture/kdump/read/flattened-source.ts';
import { readUpTo } from '../../../capture/vmcore/elf.ts';
import { openVmcoreFile } from '../../../capture/vmcore/reader.ts';
import type { ByteSource } from '../../../capture/vmcore/source.ts';
import { UsageError } from '../cli/command.ts';

/** `-` on the command line. */
export const STANDARD_INPUT = '/dev/stdin';
const STDIN = 0;

export interface InputFile {
  readonly source: ByteSource;
  /** The source's bytes are those of the file. */
  readonly isPlain: boolean;
  /** It is a flattened dump without its end mark. */
  readonly isCut: boolean;
  /** For messages. */
  readonly how: string;
}

/** @throws SystemError; UsageError for standard input that is no file; DumpFormatError for an impossible flattened dump. */
export function openInput(path: string, libc: Libc | undefined): InputFile {
  if (path === STANDARD_INPUT) requireFile();
  const file = openVmcoreFile(path, libc);
  if (!isFlattened(readUpTo(file, 0, 16)))
    return { source: file, isPlain: true, isCut: false, how: file.mapped ? 'mapped' : 'by read' };
  const source = openFlattenedSource(file);
  return { source, isPlain: false, isCut: !source.isWhole, how: 'flattened' };
}

/** A vmcore is not read from its beginning to its end. */
function requireFile(): void {
  if (fstatSync(STDIN).isFile()) return;
  throw new UsageError('STDIN', {
    action: 'read a vmcore from standard input',
    actual: 'it is not a file',
    wanted: 'a file, which can be read at any offset',
    toDo: 'save it first; for a flattened dump: kdumpling dump -R FILE',
  });
}
