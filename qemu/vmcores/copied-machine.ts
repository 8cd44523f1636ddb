/**
 * A machine that fills its memory, crashes, and copies /proc/vmcore with busybox: kdumpling is not involved. The caller
 * brings the shell script that fills the memory, and its files.
 */
import { randomUUID } from 'node:crypto';
import { createWriteStream, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { copyFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { bundle } from '../../build/bundle.ts';
import { buildingInDist } from '../../build/dist-lock.ts';
import type { Kernel } from '../../build/fetch/kernels.ts';
import type { GuestFile } from '../../build/fetch/tools.ts';
import { findCommand } from '../../build/host/host-packages.ts';
import { hostParts } from '../../build/parts/host-parts.ts';
import { KOFFI_BINARY, PROJECT } from '../../build/paths.ts';
import { programVersion } from '../../build/program.ts';
import { buildRuntime } from '../../build/runtime.ts';
import { LAB_DISK_DRIVERS } from '../../build/stock-image.ts';
import { crashCommandLine } from '../../initrd/command-line.ts';
import { type CpioEntry, encodeCpio } from '../../initrd/cpio.ts';
import { targetModules } from '../../initrd/drivers.ts';
import { type ModuleTree, openModuleTree } from '../../initrd/modules.ts';
import { makeDisk } from '../disks/image.ts';
import { buildFirstKernelInitrd, stageBootDisk } from '../guest/root.ts';
import { type Accel, labArch } from '../machine/arch.ts';
import type { MachineSpec } from '../machine/machine.ts';
import { SYSRQ_CRASH } from '../triggers/triggers.ts';

const DISK_DEVICE = '/dev/vda';

export interface CopiedMachineRequest {
  readonly kernel: Kernel;
  readonly tools: readonly GuestFile[];
  readonly accel: Accel;
  readonly deadlineSeconds: number;
  /** Scratch directory of the run. */
  readonly work: string;
  readonly say: (line: string) => void;
}

/** What distinguishes one such machine. */
export interface FillPlan {
  /** More words for the first kernel's command line. */
  readonly bootWords: readonly string[];
  readonly memoryMib: number;
  readonly cpuFeatures?: readonly string[];
  readonly diskMib: number;
  readonly devices?: readonly string[];
  /** Modules for the script to load; those that the kernel lacks are left out. */
  readonly drivers: readonly string[];
  /** Name of a script in guest/: NAME.sh is sourced between arming and the trigger, and runs the bundled NAME.ts. */
  readonly script: string;
  /** Shell variables for the script. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Adds files that the guest sees in /disk/lab. */
  readonly stage?: (lab: string) => Promise<void>;
}

export async function prepareCopiedMachine(
  request: CopiedMachineRequest,
  plan: FillPlan,
): Promise<MachineSpec> {
  const { kernel, work } = request;
  const tree = openModuleTree(kernel.modulesDir);
  const commandLine = [
    `console=${labArch().console}`,
    'panic=30',
    'crashkernel=160M',
    ...plan.bootWords,
  ].join(' ');
  const captureInitrd = join(work, 'capture.img');
  await pipeline(Readable.from(encodeCpio(captureEntries(tree))), createWriteStream(captureInitrd));
  const staging = join(work, 'disk');
  await stageBootDisk(staging, kernel, { captureInitrd });
  await stageLab(join(staging, 'lab'), tree, plan, request.say);
  const disk = join(work, 'disk.img');
  await makeDisk({ path: disk, sizeMib: plan.diskMib, uuid: randomUUID(), contents: staging });
  const initrd = join(work, 'first-kernel.img');
  await buildFirstKernelInitrd({
    kernel,
    tools: request.tools,
    parts: hostParts(),
    drivers: LAB_DISK_DRIVERS,
    settings: {
      kver: kernel.release,
      disk: DISK_DEVICE,
      fstype: 'ext4',
      physical_volume: '',
      outbox: '',
      marker: 'KDUMPLING-MARKER',
      fill_mib: '16',
      crash_command_line: crashCommandLine(commandLine),
      before_crash: `. /disk/lab/${plan.script}.sh`,
      trigger: SYSRQ_CRASH.command,
      ...plan.settings,
    },
    output: initrd,
  });
  return {
    accel: request.accel,
    memoryMib: plan.memoryMib,
    cpus: 2,
    cpuFeatures: plan.cpuFeatures ?? [],
    boot: { vmlinuz: kernel.vmlinuz, initrd, commandLine },
    disk,
    devices: plan.devices,
    deadlineSeconds: request.deadlineSeconds,
  };
}

/** Puts the script's files where the guest sees /disk/lab. */
async function stageLab(
  lab: string,
  tree: ModuleTree,
  { script, drivers, stage }: FillPlan,
  say: (line: string) => void,
): Promise<void> {
  mkdirSync(join(lab, 'modules'), { recursive: true });
  const runtime = await buildingInDist(say, () => buildRuntime(hostParts(), say));
  await copyFile(runtime, join(lab, 'runtime.squashfs'));
  await copyFile(KOFFI_BINARY, join(lab, 'koffi.node'));
  await copyFile(guestFile('runtime.sh'), join(lab, 'runtime.sh'));
  await copyFile(guestFile(`${script}.sh`), join(lab, `${script}.sh`));
  const output = join(lab, `${script}.js`);
  await bundle({ entry: guestFile(`${script}.ts`), output, version: programVersion() });
  const loaded = targetModules(tree, ['ext4'], LAB_DISK_DRIVERS);
  const modules = tree
    .closure(drivers.filter(driver => tree.has(driver)))
    .filter(file => !loaded.includes(file));
  for (const file of modules) writeFileSync(join(lab, 'modules', plainName(file)), tree.read(file));
  writeFileSync(join(lab, 'modules.list'), modules.map(file => `${plainName(file)}\n`).join(''));
  await stage?.(lab);
}

function* captureEntries(tree: ModuleTree): Generator<CpioEntry> {
  const modules = targetModules(tree, ['ext4'], LAB_DISK_DRIVERS);
  for (const path of ['bin', 'dev', 'modules']) yield { kind: 'directory', path, mode: 0o755 };
  yield { kind: 'device', path: 'dev/console', mode: 0o600, major: 5, minor: 1 };
  yield { kind: 'file', path: 'init', mode: 0o755, bytes: readFileSync(guestFile('copy-vmcore.sh')) };
  yield { kind: 'file', path: 'bin/busybox', mode: 0o755, bytes: readFileSync(findCommand('busybox')!) };
  for (const file of modules) {
    yield { kind: 'file', path: `modules/${plainName(file)}`, mode: 0o644, bytes: tree.read(file) };
  }
  const list = modules.map(file => `/modules/${plainName(file)}`).join(' ');
  const settings = Buffer.from(`disk=${DISK_DEVICE}\nmodules='${list}'\n`);
  yield { kind: 'file', path: 'lab.conf', mode: 0o644, bytes: settings };
}

function plainName(moduleFile: string): string {
  return basename(moduleFile).replace(/\.(xz|zst|gz)$/, '');
}

function guestFile(name: string): string {
  return join(PROJECT, 'qemu/guest', name);
}
