/** Opens the input of `kdumpling dump`: a vmcore, or a dump in the kdump-compressed format. */

import { openPageCodecs } from '../../../capture/codecs/decompressors.ts';
import { attempt, describeError, VmcoreError } from '../../../capture/errors.ts';
import { type Libc, openLibc } from '../../../capture/ffi/libc.ts';
import { type Ffi, openFfi } from '../../../capture/ffi/library.ts';
import { MAX_DUMP_LEVEL } from '../../../capture/filter/dump-level.ts';
import { isFlattened } from '../../../capture/kdump/format/flattened.ts';
import { isKdumpFile, type KdumpFile } from '../../../capture/kdump/read/file.ts';
import { openKdumpVmcore } from '../../../capture/kdump/read/vmcore.ts';
import { crashFacts } from '../../../capture/kdump/write/input.ts';
import type { DumpInput } from '../../../capture/kdump/write/writer.ts';
import { type Crash, crashOf } from '../../../capture/kernel/crash.ts';
import { readUpTo } from '../../../capture/vmcore/elf.ts';
import { eraseinfoNote } from '../../../capture/vmcore/notes.ts';
import { openVmcore } from '../../../capture/vmcore/open.ts';
import { openVmcoreFile } from '../../../capture/vmcore/reader.ts';
import type { Messages } from './messages.ts';
import type { DumpRequest } from './request.ts';

export interface CrashFile {
  readonly crash: Crash;
  /** For the headers of the dump. */
  readonly facts: ReturnType<typeof crashFacts> & Pick<DumpInput, 'eraseinfo'>;
  /** The dump level that the file was made with; 0 for a vmcore. */
  readonly dumpLevelBefore: number;
  readonly isVmcore: boolean;
  readonly ffi: Ffi | undefined;
  readonly libc: Libc | undefined;
}

/** @throws VmcoreError, DumpFormatError, SystemError */
export function openCrashFile(request: DumpRequest, messages: Messages): CrashFile {
  const { vmcore: path, maps } = request;
  // A dump without the FFI takes longer but works.
  const warn = (error: unknown) => messages.warn(describeError(error));
  const ffi = attempt(openFfi, warn);
  const libc = ffi && maps ? attempt(() => openLibc(ffi), warn) : undefined;
  const source = openVmcoreFile(path, libc);
  const start = readUpTo(source, 0, 16);
  if (isFlattened(start)) {
    throw new VmcoreError('FLATTENED_INPUT', {
      action: `open ${path} as a vmcore`,
      actual: 'it is a flattened dump',
      toDo: `run kdumpling dump -R OUT < ${path} first`,
    });
  }
  const kdump = isKdumpFile(start) ? openKdumpVmcore(source, openPageCodecs(ffi)) : undefined;
  const crash = crashOf(kdump?.vmcore ?? openVmcore(source));
  for (const warning of crash.warnings) messages.warn(warning);
  const release = crash.utsname.release || 'an unknown kernel';
  messages.debug(`${path}: ${release}, ${source.mapped ? 'mapped' : 'by read'}`);
  const eraseinfo = kdump ? kdump.eraseinfo : eraseinfoNote(crash.vmcore.notes)?.desc;
  const facts = { ...crashFacts(crash), ...(eraseinfo && { eraseinfo }) };
  if (!kdump) return { crash, facts, dumpLevelBefore: 0, isVmcore: true, ffi, libc };
  return {
    crash,
    facts: { ...facts, ...factsOf(kdump.file) },
    dumpLevelBefore: kdump.file.sub.dump_level & MAX_DUMP_LEVEL,
    isVmcore: false,
    ffi,
    libc,
  };
}

/** What the dump said of the crashed machine, where that is more than can still be read. */
function factsOf({ header, sub }: KdumpFile) {
  return {
    utsname: header.utsname,
    crashTimeSeconds: header.timestamp.tv_sec,
    nr_cpus: header.nr_cpus,
    phys_base: sub.phys_base,
  };
}
