/** Opens the file of a dump, in any of its formats, as a vmcore. */
import { openPageCodecs } from '../../../capture/codecs/decompressors.ts';
import { attempt } from '../../../capture/errors.ts';
import { openFfi } from '../../../capture/ffi/library.ts';
import { isFlattened } from '../../../capture/kdump/format/flattened.ts';
import { isKdumpFile } from '../../../capture/kdump/read/file.ts';
import { openFlattenedSource } from '../../../capture/kdump/read/flattened-source.ts';
import { openKdumpVmcore } from '../../../capture/kdump/read/vmcore.ts';
import { readUpTo } from '../../../capture/vmcore/elf.ts';
import { openVmcore, type Vmcore } from '../../../capture/vmcore/open.ts';
import { openVmcoreFile } from '../../../capture/vmcore/reader.ts';
import { refuseCompressed } from './dump-file.ts';

export interface OpenDumpFile {
  readonly vmcore: Vmcore;
  close(): void;
}

/** @throws UsageError for a compressed file; VmcoreError, DumpFormatError, SystemError */
export function openDumpFile(path: string, action: string): OpenDumpFile {
  refuseCompressed(path, action);
  const file = openVmcoreFile(path, undefined);
  try {
    const source = isFlattened(readUpTo(file, 0, 16)) ? openFlattenedSource(file) : file;
    if (!isKdumpFile(readUpTo(source, 0, 16)))
      return { vmcore: openVmcore(source), close: () => file.close() };
    // Without the FFI, Node's own codecs do.
    const dump = openKdumpVmcore(source, openPageCodecs(attempt(openFfi)));
    const close = () => {
      dump.close();
      file.close();
    };
    return { vmcore: dump.vmcore, close };
  } catch (error) {
    file.close();
    throw error;
  }
}
