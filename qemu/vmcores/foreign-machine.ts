/**
 * A machine of another architecture than the lab's: it panics, and QEMU saves its memory as an ELF core, with the
 * vmcoreinfo that the kernel gave to QEMU's fw_cfg device. No crash kernel is involved.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Cache } from '../../build/cache.ts';
import { downloadPackages, openApt, resolvePackage } from '../../build/fetch/apt.ts';
import { unpackDeb } from '../../build/fetch/deb.ts';
import type { Kernel } from '../../build/fetch/kernels.ts';
import { ensureHostPackages } from '../../build/host/host-packages.ts';
import { PROJECT } from '../../build/paths.ts';
import { Failure } from '../../capture/errors.ts';
import { type CpioEntry, encodeCpio } from '../../initrd/cpio.ts';
import { openModuleTree } from '../../initrd/modules.ts';
import { emulatorPackage, type LabArch, labArch } from '../machine/arch.ts';
import { type MachineRun, type MachineSpec, runMachine } from '../machine/machine.ts';
import { monitorSocket, openQmp } from '../machine/qmp.ts';
import type { SerialLine } from '../machine/serial.ts';

const MEMORY_MIB = 1024;
/** Virtual machines of arm64 have their memory from 1 GiB on (QEMU hw/arm/virt.c); this page is 700 MiB above. */
const POISON_PFN = (2 ** 30 + 700 * 2 ** 20) / 4096;
/** The first one gives vmcoreinfo to QEMU. */
const MODULES = ['qemu_fw_cfg', 'hwpoison-inject', 'dm-mod', 'veth'];
const PANICKED = /end Kernel panic/;

export interface ForeignMachineRequest {
  readonly kernel: Kernel;
  /** Debian's name of it. */
  readonly architecture: string;
  readonly levels: 4 | 5;
  readonly deadlineSeconds: number;
  /** Scratch directory of the run. */
  readonly work: string;
}

export async function prepareForeignMachine(
  cache: Cache,
  { kernel, architecture, levels, deadlineSeconds, work }: ForeignMachineRequest,
): Promise<MachineSpec> {
  const arch = labArch(architecture);
  ensureHostPackages(join(cache.dir, 'host-packages.log'), cache.say, [emulatorPackage(arch)]);
  const busybox = await fetchBusybox(cache, arch, work);
  const initrd = join(work, 'initrd.img');
  writeFileSync(
    initrd,
    gzipSync(Buffer.concat([...encodeCpio(initrdEntries(kernel, busybox))]), { level: 1 }),
  );
  return {
    arch,
    accel: 'tcg',
    memoryMib: MEMORY_MIB,
    cpus: 2,
    cpuFeatures: levels === 4 ? arch.fourLevels : [],
    boot: {
      vmlinuz: kernel.vmlinuz,
      initrd,
      commandLine: `console=${arch.console} panic=0 POISON_PFN=${POISON_PFN}`,
    },
    devices: ['-device', 'vmcoreinfo'],
    monitor: monitorSocket(),
    deadlineSeconds,
  };
}

/** Leaves the core at `vmcore`. @throws LostMachine as `runMachine`; Failure when it did not panic. */
export async function runForeignMachine(
  spec: MachineSpec,
  { directory, vmcore }: { readonly directory: string; readonly vmcore: string },
  onLine: (line: SerialLine) => void,
  signal: AbortSignal,
): Promise<MachineRun> {
  let saving: Promise<void> | undefined;
  const hear = (line: SerialLine): void => {
    onLine(line);
    if (saving || !PANICKED.test(line.text)) return;
    saving = saveMemory(spec.monitor!, vmcore);
    // It is awaited when QEMU has ended.
    saving.catch(() => {});
  };
  const run = await runMachine(spec, directory, hear, signal);
  await saving;
  if (existsSync(vmcore)) return run;
  throw new Failure('NO_VMCORE', {
    action: 'save the memory of a crashed machine',
    actual: 'it ended without a panic',
    toDo: `See ${join(directory, 'serial.log')}`,
  });
}

async function saveMemory(socket: string, path: string): Promise<void> {
  const qmp = await openQmp(socket);
  try {
    await qmp.execute('dump-guest-memory', { paging: false, protocol: `file:${path}`, format: 'elf' });
  } finally {
    await qmp.execute('quit');
    qmp.close();
  }
}

async function fetchBusybox(cache: Cache, { debian }: LabArch, work: string): Promise<Uint8Array> {
  const apt = await openApt(cache, 'bookworm', { architecture: debian });
  const [deb] = await downloadPackages(apt, [await resolvePackage(apt, 'busybox-static')]);
  const into = join(work, 'busybox');
  await unpackDeb(deb, into, ['./bin/busybox']);
  return readFileSync(join(into, 'bin', 'busybox'));
}

function* initrdEntries(kernel: Kernel, busybox: Uint8Array): Generator<CpioEntry> {
  for (const path of ['bin', 'dev', 'modules', 'proc', 'sys', 'tmp']) {
    yield { kind: 'directory', path, mode: 0o755 };
  }
  yield { kind: 'device', path: 'dev/console', mode: 0o600, major: 5, minor: 1 };
  const init = readFileSync(join(PROJECT, 'qemu/guest/foreign-machine.sh'));
  yield { kind: 'file', path: 'init', mode: 0o755, bytes: init };
  yield { kind: 'file', path: 'bin/busybox', mode: 0o755, bytes: busybox };
  const tree = openModuleTree(kernel.modulesDir);
  const files = tree.closure(MODULES.filter(name => tree.has(name)));
  for (const [index, file] of files.entries()) {
    const name = `${index}`.padStart(2, '0');
    const plain = basename(file).replace(/\.(xz|zst|gz)$/, '');
    yield { kind: 'file', path: `modules/${name}-${plain}`, mode: 0o644, bytes: tree.read(file) };
  }
}
