/** Which kernel a dump is of: what its debug symbols are found by. */
import { openAutopsy } from '../../../capture/autopsy/open.ts';
import { attempt } from '../../../capture/errors.ts';
import { crashOf } from '../../../capture/kernel/crash.ts';
import type { KernelMemory } from '../../../capture/kernel/memory.ts';
import { decodeNotes } from '../../../capture/vmcore/notes.ts';
import type { Vmcore } from '../../../capture/vmcore/open.ts';
import { gnuBuildId } from './elf-file.ts';

export interface DumpedKernel {
  /** Hexadecimal, lower case. Undefined where the dump does not say it. */
  readonly buildId?: string;
  /** `uname -r`; undefined where the dump does not say it, or says what cannot be one. */
  readonly release?: string;
  /** `uname -v`. */
  readonly version: string;
  /** e_machine of ELF. */
  readonly machine: number;
  /** Names of the loaded modules. */
  readonly modules: readonly string[];
}

/** SHA-1 has 20 bytes, MD5 and UUIDs 16; --build-id takes any. */
const BUILD_ID = /^([0-9a-f]{2}){2,64}$/;
/** It becomes a part of paths. */
const RELEASE = /^\w[\w.+~-]*$/;
/** vmlinux has a build id, Xen's notes and the property note. */
const MOST_NOTE_BYTES = 1 << 16;

/** What the dump lacks is left out. */
export function dumpedKernel(vmcore: Vmcore): DumpedKernel {
  const { vmcoreinfo, elf } = vmcore;
  const kernel = attempt(() => openAutopsy(vmcore));
  const { utsname } = crashOf(vmcore);
  const release = vmcoreinfo.osrelease ?? utsname.release;
  const buildId =
    vmcoreinfo.buildId?.toLowerCase() ??
    (kernel && buildIdInMemory(kernel.memory, name => kernel.symbols.address(name)));
  return {
    ...(buildId !== undefined && BUILD_ID.test(buildId) && { buildId }),
    ...(RELEASE.test(release) && { release }),
    version: utsname.version,
    machine: elf.header.e_machine,
    modules: kernel?.modules.map(({ name }) => name) ?? [],
  };
}

/**
 * Of the kernel's own notes, which /sys/kernel/notes shows (kernel/ksysfs.c). Older kernels do not put it into vmcoreinfo:
 * that came with Linux 5.9 (commit 0935288c6e00).
 */
function buildIdInMemory(
  memory: KernelMemory,
  address: (name: string) => bigint | undefined,
): string | undefined {
  const [start, stop] = [address('__start_notes'), address('__stop_notes')];
  if (start === undefined || stop === undefined || stop <= start) return undefined;
  const lengthBytes = Math.min(Number(stop - start), MOST_NOTE_BYTES);
  return attempt(() => gnuBuildId(decodeNotes(memory.readVirtual(start, lengthBytes, 'its notes')).notes));
}

/** For a message. */
export function describeKernel({ release, buildId }: DumpedKernel): string {
  return [release ?? 'an unknown kernel', buildId && `build id ${buildId}`].filter(Boolean).join(', ');
}
