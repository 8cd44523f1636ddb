/** One crash of one machine: prepared, run, and its files taken out of the disk. What it means is the verdict's business. */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PROJECT } from '../build/paths.ts';
import { LAB_DISK_DRIVERS, LAB_ROOT_UUID } from '../build/stock-image.ts';
import { crashCommandLine } from '../initrd/command-line.ts';
import { checkDisk, extract, makeDisk } from './disk.ts';
import { buildFirstKernelInitrd, stageBootDisk } from './guest/root.ts';
import { commandText, type MachineSpec, machineArguments, runMachine } from './machine.ts';
import { type Milestones, readMilestones } from './milestones.ts';
import type { Kernel } from './packages/kernels.ts';
import type { GuestFile } from './packages/tools.ts';
import type { SerialLine } from './serial.ts';

const DISK_DEVICE = '/dev/vda';
const CPUS = 2;

export interface CrashPlan {
  readonly kernel: Kernel;
  readonly tools: readonly GuestFile[];
  /** The dump-capture initrd to arm the machine with. */
  readonly captureInitrd: string;
  readonly accel: 'kvm' | 'tcg';
  readonly memoryMib: number;
  /** As on the command line: `192M`. */
  readonly crashkernel: string;
  readonly diskMib: number;
  /** Random bytes in a tmpfs: memory that does not compress. */
  readonly fillMib: number;
  /** Shell commands that crash the first kernel. */
  readonly trigger: string;
  /** More words for the crash kernel's command line. */
  readonly crashWords: readonly string[];
  readonly deadlineSeconds: number;
  readonly keepDisk: boolean;
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
  /** What the guest saw after it came home. */
  readonly guest: { readonly fsckClean: boolean; readonly files: readonly GuestFileListing[] };
  /** The disk image afterwards, as the host's e2fsck sees it. */
  readonly disk: { readonly clean: boolean; readonly says: string };
  /** What a bundle of the lab's own left in the guest's /var/lab; most leave nothing, and it is not there. */
  readonly labFiles: string;
  /** The dump directories, taken out of the disk. */
  readonly dumps: readonly string[];
  /** Text that stands in the crashed machine's memory many times, in page cache and in processes. */
  readonly marker: string;
  readonly seconds: number;
}

/** `lab-runs/<stamp>-<name>/`, and `lab-runs/latest` leads to it. */
export function makeRunDirectory(name: string): string {
  const runs = join(PROJECT, 'lab-runs');
  const stamp = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const directory = join(runs, `${stamp}-${name}`);
  mkdirSync(directory, { recursive: true });
  const latest = join(runs, 'latest');
  rmSync(latest, { force: true });
  symlinkSync(`${stamp}-${name}`, latest);
  return directory;
}

/**
 * @param directory an empty one; `serial.log`, `qemu.txt` and `captured/` are left in it.
 * @throws LostMachine when the machine did not end by itself.
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
    const spec = await prepareMachine(plan, work, disk, marker);
    writeFileSync(
      join(directory, 'qemu.txt'),
      `${commandText(['qemu-system-x86_64', ...machineArguments(spec)])}\n`,
    );
    const { lines, seconds } = await runMachine(spec, directory, onLine, signal);
    const captured = join(directory, 'captured');
    await extract(disk, '/var/crash', captured);
    await extract(disk, '/var/lab', directory);
    return {
      directory,
      lines,
      milestones: readMilestones(lines),
      guest: readGuestReport(lines),
      disk: await checkDisk(disk),
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

async function prepareMachine(
  plan: CrashPlan,
  work: string,
  disk: string,
  marker: string,
): Promise<MachineSpec> {
  const { kernel } = plan;
  const commandLine = `console=ttyS0 panic=30 crashkernel=${plan.crashkernel}`;
  const staging = join(work, 'disk');
  await stageBootDisk(staging, kernel, plan.captureInitrd);
  await makeDisk({ path: disk, sizeMib: plan.diskMib, uuid: LAB_ROOT_UUID, contents: staging });
  const initrd = join(work, 'first-kernel.img');
  await buildFirstKernelInitrd({
    kernel,
    tools: plan.tools,
    drivers: [...LAB_DISK_DRIVERS, 'ext4'],
    settings: {
      kver: kernel.release,
      disk: DISK_DEVICE,
      marker,
      fill_mib: String(plan.fillMib),
      crash_command_line: crashCommandLine(commandLine, plan.crashWords),
      trigger: plan.trigger,
    },
    output: initrd,
  });
  const { accel, memoryMib, deadlineSeconds } = plan;
  return {
    accel,
    memoryMib,
    cpus: CPUS,
    vmlinuz: kernel.vmlinuz,
    initrd,
    commandLine,
    disk,
    deadlineSeconds,
  };
}

function dumpFolders(captured: string): string[] {
  if (!existsSync(captured)) return [];
  return readdirSync(captured)
    .sort()
    .map(name => join(captured, name));
}

function readGuestReport(lines: readonly SerialLine[]): CrashRun['guest'] {
  // The first boot finds a fresh disk; the last word is the boot's that came home.
  const fsck = lines.findLast(({ text }) => /^lab: fsck /.test(text));
  const files = lines.flatMap(({ text }) => {
    const match = /^lab: file (\d+) (\d+) (\/\S+)$/.exec(text);
    return match ? [{ mode: match[1], bytes: Number(match[2]), path: match[3] }] : [];
  });
  return { fsckClean: fsck?.text === 'lab: fsck clean', files };
}
