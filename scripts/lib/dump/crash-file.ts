/** Opens the input of `kdumpling dump`: a vmcore, or a dump in the kdump-compressed format; each may be flattened. */

import { openPageCodecs } from '../../../capture/codecs/decompressors.ts';
import { attempt, describeError, VmcoreError } from '../../../capture/errors.ts';
import { type Libc, openLibc } from '../../../capture/ffi/libc.ts';
import { type Ffi, openFfi } from '../../../capture/ffi/library.ts';
import { MAX_DUMP_LEVEL } from '../../../capture/filter/dump-level.ts';
import { DUMP_ELF_INCOMPLETE } from '../../../capture/kdump/format/head-marks.ts';
import { isKdumpFile, type KdumpFile } from '../../../capture/kdump/read/file.ts';
import { openKdumpVmcore } from '../../../capture/kdump/read/vmcore.ts';
import { crashFacts } from '../../../capture/kdump/write/input.ts';
import type { DumpInput } from '../../../capture/kdump/write/writer.ts';
import { type Crash, crashOf } from '../../../capture/kernel/crash.ts';
import { UNKNOWN_NAME, type Utsname } from '../../../capture/kernel/utsname.ts';
import { readUpTo } from '../../../capture/vmcore/elf.ts';
import { eraseinfoNote } from '../../../capture/vmcore/notes.ts';
import { openVmcore } from '../../../capture/vmcore/open.ts';
import { CUT_STREAM, type InputDamage, inputDamage, NO_DAMAGE } from './input-damage.ts';
import { openInput } from './input-file.ts';
import type { Messages } from './messages.ts';
import type { DumpRequest } from './request.ts';

export interface CrashFile {
  readonly crash: Crash;
  /** For the headers of the dump. */
  readonly facts: ReturnType<typeof crashFacts> & Pick<DumpInput, 'eraseinfo'>;
  /** The dump level that the file was made with; 0 for a vmcore. */
  readonly dumpLevelBefore: number;
  readonly isVmcore: boolean;
  /** Its bytes are those of the file, which a thread can open too. */
  readonly isPlain: boolean;
  /** Pages that an input dump marked incomplete lacks; undefined for input without the mark. */
  readonly pagesMissing: number | undefined;
  readonly damage: InputDamage;
  readonly ffi: Ffi | undefined;
  readonly libc: Libc | undefined;
}

/** @throws VmcoreError, DumpFormatError, SystemError */
export function openCrashFile(request: Pick<DumpRequest, 'vmcore' | 'maps'>, messages: Messages): CrashFile {
  const { vmcore: path, maps } = request;
  // A dump without the FFI takes longer but works.
  const warn = (error: unknown) => messages.warn(describeError(error));
  const ffi = attempt(openFfi, warn);
  const libc = ffi && maps ? attempt(() => openLibc(ffi), warn) : undefined;
  const { source, isPlain, isCut, how } = openInput(path, libc);
  const codecs = openPageCodecs(ffi);
  const kdump = isKdumpFile(readUpTo(source, 0, 16)) ? openKdumpVmcore(source, codecs) : undefined;
  if (kdump?.file.sub.split === 1) throw partOfDump(path);
  const crash = crashOf(kdump?.vmcore ?? openVmcore(source));
  for (const warning of crash.warnings) messages.warn(warning);
  const release = crash.utsname.release || 'an unknown kernel';
  messages.debug(`${path}: ${release}, ${how}`);
  const eraseinfo = kdump ? kdump.eraseinfo : eraseinfoNote(crash.vmcore.notes)?.desc;
  const facts = { ...crashFacts(crash), ...(eraseinfo && { eraseinfo }) };
  if (!kdump) {
    const isMarked = (crash.vmcore.elf.header.e_flags & DUMP_ELF_INCOMPLETE) !== 0;
    return {
      crash,
      facts,
      dumpLevelBefore: 0,
      isVmcore: true,
      isPlain,
      pagesMissing: isMarked && !isCut ? 0 : undefined,
      damage: isCut ? CUT_STREAM : NO_DAMAGE,
      ffi,
      libc,
    };
  }
  return {
    crash,
    facts: { ...facts, ...factsOf(kdump.file, crash) },
    dumpLevelBefore: kdump.file.sub.dump_level & MAX_DUMP_LEVEL,
    isVmcore: false,
    isPlain,
    pagesMissing: kdump.pagesMissing,
    damage: isCut ? CUT_STREAM : inputDamage(kdump.file, codecs),
    ffi,
    libc,
  };
}

/**
 * The header's facts, except where the crashed kernel's own memory has them: other writers leave fields of the header empty
 * or wrong. QEMU's dump-guest-memory has neither the utsname nor, with KASLR, the right phys_base (QEMU dump/dump.c).
 */
function factsOf({ header, sub }: KdumpFile, { vmcore, utsname }: Crash) {
  const { crashTimeSeconds } = vmcore.vmcoreinfo;
  const physBase = vmcore.vmcoreinfo.bigNumber('phys_base');
  return {
    utsname: knownNames(utsname, header.utsname),
    crashTimeSeconds: crashTimeSeconds ?? header.timestamp.tv_sec,
    nr_cpus: header.nr_cpus,
    phys_base: physBase === undefined ? sub.phys_base : BigInt.asUintN(64, physBase),
  };
}

/** Field by field, from memory if it is there, else from the header. */
function knownNames(ofMemory: Utsname, ofHeader: Utsname): Utsname {
  const known = (name: keyof Utsname) =>
    ofMemory[name] === UNKNOWN_NAME && ofHeader[name] !== '' ? ofHeader[name] : ofMemory[name];
  return {
    sysname: known('sysname'),
    nodename: known('nodename'),
    release: known('release'),
    version: known('version'),
    machine: known('machine'),
    domainname: known('domainname'),
  };
}

function partOfDump(path: string): VmcoreError {
  return new VmcoreError('SPLIT_INPUT', {
    action: `open ${path} as a vmcore`,
    actual: 'it is one part of a split dump',
    toDo: 'run kdumpling dump --reassemble with all parts first',
  });
}
