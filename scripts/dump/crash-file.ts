/** Opens the file that `kdumpling dump` reads. */
import { type Crash, openCrash } from '../../capture/crash.ts';
import { describeError } from '../../capture/errors.ts';
import { openLibc } from '../../capture/ffi/libc.ts';
import { type Ffi, openFfi } from '../../capture/ffi/library.ts';
import { openVmcoreFile } from '../../capture/vmcore/reader.ts';
import type { DumpRequest } from './arguments.ts';
import type { Messages } from './messages.ts';

export interface CrashFile {
  readonly crash: Crash;
  readonly ffi: Ffi | undefined;
}

/** @throws VmcoreError, SystemError */
export function openCrashFile({ vmcore: path, maps }: DumpRequest, messages: Messages): CrashFile {
  const ffi = attempt(openFfi, messages);
  const libc = ffi && maps ? attempt(() => openLibc(ffi), messages) : undefined;
  const source = openVmcoreFile(path, libc);
  const crash = openCrash(source);
  for (const warning of crash.warnings) messages.warn(warning);
  messages.debug(
    `${path}: ${crash.utsname.release || 'an unknown kernel'}, ${source.mapped ? 'mapped' : 'by read'}`,
  );
  return { crash, ffi };
}

/** Without the FFI a dump takes longer, and is made all the same. */
function attempt<T>(open: () => T, messages: Messages): T | undefined {
  try {
    return open();
  } catch (error) {
    messages.warn(describeError(error));
    return undefined;
  }
}
