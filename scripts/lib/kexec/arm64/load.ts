/**
 * Loads a crash kernel of arm64 by kexec_load, without kexec-tools: for kernels without kexec_file_load, as all of Debian's
 * for arm64 are.
 */
import { Buffer } from 'node:buffer';
import { closeSync, openSync, readSync } from 'node:fs';
import { attempt, Failure } from '../../../../capture/errors.ts';
import type { Kexec } from '../../../../capture/ffi/kexec.ts';
import { withoutHoles } from '../../../../capture/vmcore/ranges.ts';
import type { Host } from '../../host/host.ts';
import { pageSizeBytes } from '../../host/page-size.ts';
import { encodeCoreHeader, type NotePlace } from './core-header.ts';
import { decodeDeviceTree } from './device-tree.ts';
import { openKernelImage } from './kernel-image.ts';
import { KCORE_HEAD_BYTES, withVirtual } from './linear-map.ts';
import { readMemoryMap } from './memory-map.ts';
import { type LoadPlan, planSegments } from './segments.ts';

export interface CrashKernel {
  /** Paths on the host. */
  readonly kernel: string;
  readonly initrd: string;
  readonly commandLine: string;
}

/** @throws Failure that says what is missing, SystemError when the kernel refuses. */
export function loadArm64(host: Host, kexec: Kexec, crash: CrashKernel): void {
  const { entry, segments } = planLoad(host, crash);
  kexec.loadCrashSegments(entry, segments);
}

export function planLoad(host: Host, { kernel, initrd, commandLine }: CrashKernel): LoadPlan {
  const { ram, reserved } = readMemoryMap(host.read('/proc/iomem') ?? '');
  const memory = withVirtual(
    withoutHoles(ram, reserved),
    attempt(() => kcoreHead(host)),
  );
  return planSegments({
    image: openKernelImage(mustRead(host, kernel)),
    initrd: mustRead(host, initrd),
    commandLine,
    coreHeader: encodeCoreHeader(notePlaces(host), memory),
    tree: decodeDeviceTree(mustRead(host, '/sys/firmware/fdt')),
    reserved,
    pageBytes: pageSizeBytes(host),
  });
}

const CPUS = '/sys/devices/system/cpu';

/** A note for each CPU that can be there, and vmcoreinfo's (Linux drivers/base/cpu.c, kernel/ksysfs.c). */
function notePlaces(host: Host): NotePlace[] {
  const cpus = host
    .list(CPUS)
    .filter(name => /^cpu\d+$/.test(name))
    .sort((a, b) => Number(a.slice(3)) - Number(b.slice(3)))
    .flatMap(name => {
      const start = host.read(`${CPUS}/${name}/crash_notes`);
      const bytes = host.read(`${CPUS}/${name}/crash_notes_size`);
      return start && bytes ? [{ start: Number.parseInt(start, 16), bytes: Number(bytes) }] : [];
    });
  const [start, bytes] = (host.read('/sys/kernel/vmcoreinfo') ?? '').trim().split(' ');
  if (cpus.length > 0 && start && bytes)
    return [...cpus, { start: Number.parseInt(start, 16), bytes: Number.parseInt(bytes, 16) }];
  throw new Failure('NO_CRASH_NOTES', {
    action: 'load the crash kernel by kexec_load',
    actual: 'the kernel does not say where it leaves the notes of a crash',
    wanted: `${CPUS}/cpu*/crash_notes and /sys/kernel/vmcoreinfo`,
    toDo: 'Use a kernel with CONFIG_KEXEC and CONFIG_VMCORE_INFO',
  });
}

function kcoreHead(host: Host): Buffer {
  const fd = openSync(host.path('/proc/kcore'), 'r');
  try {
    const head = Buffer.alloc(KCORE_HEAD_BYTES);
    return head.subarray(0, readSync(fd, head, 0, head.length, 0));
  } finally {
    closeSync(fd);
  }
}

function mustRead(host: Host, path: string): Buffer {
  const bytes = host.readBytes(path);
  if (bytes) return bytes;
  throw new Failure('FILE_MISSING', {
    action: 'load the crash kernel by kexec_load',
    actual: `${path} cannot be read`,
    wanted: 'a file of at most 256 MiB',
  });
}
