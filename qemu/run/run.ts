/** One crash of one machine: prepares it, runs it, and takes the dump off its disk. Judging the result is lab/'s job. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { GuestFile } from '../../build/fetch/tools.ts';
import type { Parts } from '../../build/parts/parts.ts';
import { LAB_ROOT_UUID } from '../../build/stock-image.ts';
import { crashCommandLine } from '../../initrd/command-line.ts';
import type { Layout } from '../../initrd/layouts.ts';
import { bootDiskOf, checkBootDisk, type DiskKind, makeBootDisk } from '../disks/boot-disk.ts';
import { busOf } from '../disks/buses.ts';
import { type DiskCheck, fileSystemOf, makeSparse, tool } from '../disks/file-systems.ts';
import { extract } from '../disks/image.ts';
import { type MakeSecondDisk, openSecondDisk } from '../disks/second-disk.ts';
import {
  buildFirstKernelInitrd,
  type GuestLoader,
  LOADER_PATH,
  LOADER_RUNTIME,
  stageBootDisk,
} from '../guest/root.ts';
import type { LabKernel } from '../kernel/lab-kernel.ts';
import { type Accel, labArch } from '../machine/arch.ts';
import type { Boot } from '../machine/boot-watch.ts';
import type { DialogueStep } from '../machine/dialogue.ts';
import { commandText, type MachineSpec, machineCommand, runMachine } from '../machine/machine.ts';
import { monitorSocket } from '../machine/qmp.ts';
import type { SerialLine } from '../machine/serial.ts';
import type { SystemImage } from '../system/system-image.ts';
import type { Trigger } from '../triggers/trigger.ts';
import { bootTwiceAtMost } from './boot-again.ts';
import { crashMachineOf } from './crash-cpus.ts';
import { type Milestones, readMilestones } from './milestones.ts';
import { LAB_DISK, prepareSystemMachine } from './system-machine.ts';

const SECOND_DISK = 'second.img';
/** The lab's init prints as soon as it runs. */
const FIRST_BOOT: Boot = { until: /^lab: /, silentSeconds: 120 };

export interface CrashPlan {
  readonly kernel: LabKernel;
  readonly captureKernel: LabKernel;
  readonly tools: readonly GuestFile[];
  /** Where the guest's programs come from; its architecture is theirs. */
  readonly parts: Parts;
  /** The dump-capture initrd to arm the machine with. */
  readonly captureInitrd: string;
  /** Of that initrd. */
  readonly layout: Layout;
  /** Of a lean capture: the runtime image, to put on the boot disk where the packages put it. */
  readonly runtimeImage?: string;
  /** Undefined where kexec-tools loads the crash kernel. */
  readonly loader?: GuestLoader;
  readonly accel: Accel;
  readonly cpus: number;
  readonly memoryMib: number;
  /** The value on the command line: `192M`. */
  readonly crashkernel: string;
  /** More words for the first kernel's command line, of which the crash kernel's is made. */
  readonly kernelWords: readonly string[];
  /** More words for the first kernel's alone. */
  readonly firstKernelWords: readonly string[];
  readonly diskKind: DiskKind;
  readonly diskMib: number;
  /** More options of the boot disk's -drive. */
  readonly driveOptions?: string;
  readonly secondDisk?: MakeSecondDisk;
  /** Random bytes in a tmpfs: memory that does not compress. */
  readonly fillMib: number;
  /** Shell commands of the first kernel before it loads the crash kernel; may be empty. */
  readonly beforeArming: string;
  /** Shell commands of the first kernel between arming and the trigger. The function gets the boot disk's image. */
  readonly beforeCrash: string | ((image: string) => Promise<string>);
  readonly trigger: Trigger;
  /** More words for the crash kernel's command line. */
  readonly crashWords: readonly string[];
  readonly deadlineSeconds: number;
  readonly keepDisk: boolean;
  /** More QEMU options. */
  readonly devices: readonly string[];
  /** More modules for the first kernel. */
  readonly firstKernelDrivers: readonly string[];
  /** The first kernel starts a hardware watchdog with this timeout and feeds it until it crashes. */
  readonly watchdogSeconds: number | undefined;
  readonly dialogue: readonly DialogueStep[];
  readonly withoutConsole: boolean;
  readonly crashes: number;
  /** The machine boots this image, and not the lab's own disk. */
  readonly system?: SystemImage;
}

export interface GuestFileListing {
  /** Octal, as `stat -c %a`. */
  readonly mode: string;
  readonly bytes: number;
  readonly path: string;
}

export interface CrashRun {
  readonly directory: string;
  readonly lines: readonly SerialLine[];
  readonly milestones: Milestones;
  readonly trigger: Trigger;
  /** What the first kernel found after the reboot. */
  readonly guest: { readonly fsckClean: boolean; readonly files: readonly GuestFileListing[] };
  /** The host's file system check of the disk image afterwards. */
  readonly disk: DiskCheck;
  /** What a fault's capture program left in the guest's /var/lab. Most leave nothing, and this path does not exist. */
  readonly labFiles: string;
  /** The dump directories, taken off the disk. */
  readonly dumps: readonly string[];
  /** Text that the crashed machine's memory holds many times, in page cache and in processes. */
  readonly marker: string;
  readonly seconds: number;
}

/**
 * @param directory an empty one; gets `serial.log`, `qemu.txt`, `captured/`, and `hung-boot.log` where a first boot hung.
 * @throws LostMachine when the machine did not power off by itself.
 */
export async function crashOnce(
  plan: CrashPlan,
  directory: string,
  onLine: (line: SerialLine) => void,
  signal: AbortSignal,
): Promise<CrashRun> {
  const work = join(directory, 'work');
  mkdirSync(work);
  const marker = `KDUMPLING-MARKER-${randomBytes(8).toString('hex')}`;
  const disk = join(work, 'disk.img');
  try {
    const { spec, outbox, labDisk } = await prepareMachine(plan, work, disk, marker);
    writeFileSync(join(directory, 'qemu.txt'), `${commandText(machineCommand(spec))}\n`);
    const { lines, seconds } = await bootTwiceAtMost(directory, () =>
      runMachine(spec, directory, onLine, signal),
    );
    const captured = join(directory, 'captured');
    await takeOut(outbox ?? disk, outbox !== undefined, captured, directory);
    await plan.secondDisk?.takeOut?.(join(work, SECOND_DISK), captured);
    return {
      directory,
      lines,
      milestones: readMilestones(lines),
      trigger: plan.trigger,
      guest: readGuestReport(lines, plan.diskKind),
      disk: await checkBootDisk(disk, labDisk),
      labFiles: join(directory, 'lab'),
      dumps: dumpFolders(join(captured, 'crash')),
      marker,
      seconds,
    };
  } finally {
    if (plan.keepDisk && existsSync(disk)) renameSync(disk, join(directory, 'disk.img'));
    rmSync(work, { recursive: true, force: true });
  }
}

interface Prepared {
  readonly spec: MachineSpec;
  /** A disk on which the guest writes a tar archive of its files, when the lab cannot read its file system. */
  readonly outbox?: string;
  readonly labDisk: DiskKind;
}

async function prepareMachine(
  plan: CrashPlan,
  work: string,
  disk: string,
  marker: string,
): Promise<Prepared> {
  const { kernel, captureKernel, diskKind, secondDisk } = plan;
  const arch = labArch(plan.parts.platform.node);
  const sharedLine = [
    `console=${arch.console}`,
    ...(plan.accel === 'tcg' ? arch.emulated : []),
    'panic=30',
    `crashkernel=${plan.crashkernel}`,
    ...(plan.trigger.kernelWords ?? []),
    ...plan.kernelWords,
  ].join(' ');
  const commandLine = [sharedLine, ...plan.firstKernelWords].join(' ');
  const crashBase = plan.withoutConsole ? sharedLine.replace(/console=\S+ /, '') : sharedLine;
  const crash = crashCommandLine(crashBase, plan.crashWords, crashMachineOf(plan, commandLine));
  if (plan.system) {
    const lines = { first: commandLine, crash };
    const spec = await prepareSystemMachine(plan.system, plan, lines, work, disk);
    return { spec: withMonitor(spec, plan), labDisk: LAB_DISK };
  }
  const staging = join(work, 'disk');
  await stageBootDisk(staging, captureKernel, plan);
  await makeBootDisk(disk, plan.diskMib, diskKind, LAB_ROOT_UUID, staging);
  const boot = bootDiskOf(diskKind);
  const moreDisks = secondDisk ? [await openSecondDisk(secondDisk, join(work, SECOND_DISK))] : [];
  const isReadable = diskKind.fs === 'ext4' && diskKind.layout === 'whole';
  const outbox = isReadable ? undefined : join(work, 'outbox.tar');
  if (outbox) {
    await makeSparse(outbox, plan.diskMib);
    moreDisks.push({ file: outbox });
  }
  const initrd = join(work, 'first-kernel.img');
  const volumes = diskKind.layout === 'lvm';
  await buildFirstKernelInitrd({
    kernel,
    tools: plan.tools,
    parts: plan.parts,
    drivers: [...boot.drivers, ...busOf('virtio-blk').drivers, ...plan.firstKernelDrivers],
    commands: volumes ? ['lvm'] : [],
    settings: {
      kver: captureKernel.release,
      disk: boot.node,
      fstype: diskKind.fs,
      physical_volume: volumes ? boot.disk : '',
      outbox: outbox ? lastVirtioDisk(diskKind, moreDisks.length) : '',
      marker,
      fill_mib: String(plan.fillMib),
      crash_command_line: crash,
      ...loaderSettings(plan),
      before_arming: plan.beforeArming,
      before_crash: typeof plan.beforeCrash === 'string' ? plan.beforeCrash : await plan.beforeCrash(disk),
      trigger: plan.trigger.command,
      crashes: String(plan.crashes),
      watchdog_seconds: String(plan.watchdogSeconds ?? ''),
    },
    output: initrd,
  });
  const { accel, memoryMib, deadlineSeconds, driveOptions, devices } = plan;
  const spec = {
    arch: labArch(plan.parts.platform.node),
    accel,
    memoryMib,
    cpus: plan.cpus,
    boot: { vmlinuz: kernel.vmlinuz, initrd, commandLine },
    disk,
    bus: diskKind.bus,
    driveOptions,
    moreDisks,
    devices,
    deadlineSeconds,
    boots: FIRST_BOOT,
  };
  return { spec: withMonitor(spec, plan), outbox, labDisk: diskKind };
}

function withMonitor(spec: MachineSpec, { trigger: { monitor }, dialogue }: CrashPlan): MachineSpec {
  return {
    ...spec,
    ...(monitor && { monitor: monitorSocket() }),
    dialogue: [...(monitor ? [monitor] : []), ...dialogue],
  };
}

function loaderSettings({ loader, parts: { platform } }: CrashPlan): Record<string, string> {
  if (!loader) return { load_program: '' };
  const node = `/disk${LOADER_RUNTIME}`;
  return {
    load_program: `/disk${LOADER_PATH}`,
    node: `${node}${platform.loader} --library-path ${node}/${platform.libraries} ${node}/bin/node`,
  };
}

function lastVirtioDisk({ bus }: DiskKind, others: number): string {
  return busOf('virtio-blk').node(others - (bus === 'virtio-blk' ? 0 : 1));
}

/** Copies the guest's dumps to `captured/crash`, and what a fault's program left to `lab` in the run's directory. */
async function takeOut(
  image: string,
  isArchive: boolean,
  captured: string,
  directory: string,
): Promise<void> {
  if (!isArchive) {
    await extract(image, '/var/crash', captured);
    await extract(image, '/var/lab', directory);
    return;
  }
  mkdirSync(captured, { recursive: true });
  await tool('tar', ['-xf', image, '-C', captured, '--no-same-owner']);
  if (existsSync(join(captured, 'lab'))) renameSync(join(captured, 'lab'), join(directory, 'lab'));
}

function dumpFolders(captured: string): string[] {
  if (!existsSync(captured)) return [];
  return readdirSync(captured, { withFileTypes: true })
    .filter(entry => entry.isDirectory())
    .map(({ name }) => join(captured, name))
    .sort();
}

function readGuestReport(lines: readonly SerialLine[], { fs }: DiskKind): CrashRun['guest'] {
  // The boots before the crash report as well: the last report counts.
  const fsck = lines.findLast(({ text }) => /^lab: fsck /.test(text));
  const lastBoot = lines.findLastIndex(({ text }) => /Linux version /.test(text));
  const { recovery } = fileSystemOf(fs);
  const recovered = lines.slice(lastBoot).some(({ text }) => recovery.test(text));
  const files = lines.flatMap(({ text }) => {
    const match = /^lab: file (\d+) (\d+) (\/\S+)$/.exec(text);
    return match ? [{ mode: match[1], bytes: Number(match[2]), path: match[3] }] : [];
  });
  return { fsckClean: fs === 'ext4' ? fsck?.text === 'lab: fsck clean' : !recovered, files };
}
