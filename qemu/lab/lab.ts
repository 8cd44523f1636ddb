/** The lab: everything that a crash needs, fetched and built, and one crash from plan to verdict. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bundle } from '../../build/bundle.ts';
import { type Cache, openCache } from '../../build/cache.ts';
import type { KernelChoice } from '../../build/fetch/kernel-origins.ts';
import { fetchDebugSymbols, fetchKernel, type Kernel } from '../../build/fetch/kernels.ts';
import { fetchGuestTools, fetchTool, type GuestFile } from '../../build/fetch/tools.ts';
import { ensureHostPackages } from '../../build/host/host-packages.ts';
import { DIST, PROJECT } from '../../build/paths.ts';
import { buildProgram, programVersion } from '../../build/program.ts';
import {
  buildStockImage,
  type ImageVariant,
  LAB_DISK_DRIVERS,
  LAB_ROOT_UUID,
} from '../../build/stock-image.ts';
import type { Program } from '../../initrd/image.ts';
import { type DiskKind, diskDrivers } from '../disks/boot-disk.ts';
import { uuidOn } from '../disks/file-systems.ts';
import { type Check, type Judges, judge, readManifest } from '../expect/expectations.ts';
import type { Fault } from '../faults/fault.ts';
import { chooseAccel } from '../machine/accel.ts';
import type { Accel } from '../machine/arch.ts';
import { GUEST_RAM_DRIVERS, type GuestRamTaking, guestRamFiles, takeGuestRam } from '../machine/guest-ram.ts';
import { type CrashRun, crashOnce, makeRunDirectory } from '../run/run.ts';
import { SYSRQ_CRASH } from '../triggers/triggers.ts';
import type { MachineChoice } from './options.ts';

export interface Lab {
  readonly cache: Cache;
  readonly kernel: Kernel;
  readonly guestTools: readonly GuestFile[];
  readonly judges: Judges;
  readonly program: Program;
  /** In dist/initrd/. */
  readonly captureInitrd: string;
  readonly accel: Accel;
  readonly choice: MachineChoice;
}

/** Sets everything up; each step is quick when it was done before. */
export async function openLab(choice: MachineChoice, say: (line: string) => void): Promise<Lab> {
  const cache = openCache(say);
  ensureHostPackages(join(cache.dir, 'host-packages.log'), say);
  const kernel = await fetchKernel(cache, choice.kernel);
  const { files } = await fetchGuestTools(cache);
  const makedumpfile = await fetchTool(cache, 'makedumpfile');
  const program = await buildProgram(say);
  const captureInitrd = buildStockImage(program, kernel).path;
  const { accel, why } = await chooseAccel(cache, choice.accel, kernel.vmlinuz);
  say(`QEMU runs on ${why}`);
  return {
    cache,
    kernel,
    guestTools: files,
    judges: {
      makedumpfile,
      tool: name => fetchTool(cache, name),
      vmlinux: () => fetchDebugSymbols(cache, kernel),
    },
    program,
    captureInitrd,
    accel,
    choice,
  };
}

export interface Verdict {
  readonly verdict: 'passed' | 'failed';
  readonly checks: readonly Check[];
  readonly run: CrashRun;
}

/** Crashes the machine with one fault and judges what came home. @throws LostMachine */
export async function crashWith(
  anyLab: Lab,
  fault: Fault,
  events: { readonly onConsoleLine?: (text: string) => void; readonly signal: AbortSignal },
): Promise<Verdict> {
  const lab = await labFor(fault, anyLab);
  const { choice, kernel, accel } = lab;
  const directory = makeRunDirectory(fault.name === 'none' ? 'crash' : fault.name);
  const captureInitrd = await initrdWith(lab, fault, directory);
  const ram = fault.takesGuestRam ? takeGuestRam(directory) : undefined;
  const run = await crashOnce(
    {
      kernel,
      tools: lab.guestTools,
      captureInitrd,
      runtime: fault.runtimeOnDisk ? join(DIST, 'runtime') : undefined,
      accel,
      memoryMib: choice.memoryMib,
      crashkernel: choice.crashkernel,
      kernelWords: choice.kernelWords,
      diskKind: choice.diskKind,
      diskMib: choice.diskMib,
      driveOptions: fault.driveOptions,
      secondDisk: fault.secondDisk,
      fillMib: choice.fillMib,
      beforeArming: fault.beforeArming ?? '',
      beforeCrash: fault.beforeCrash ?? '',
      trigger: SYSRQ_CRASH,
      crashWords: [...(fault.crashWords ?? []), ...choice.crashWords],
      deadlineSeconds: choice.deadlineSeconds,
      keepDisk: choice.keepDisk,
      devices: [...(ram?.devices ?? []), ...(fault.devices ?? [])],
      firstKernelDrivers: [...(ram ? GUEST_RAM_DRIVERS : []), ...(fault.watchdog?.drivers ?? [])],
      watchdogSeconds: fault.watchdog?.seconds,
      dialogue: fault.dialogue ?? [],
      withoutConsole: fault.withoutConsole ?? false,
      crashes: fault.crashes ?? 1,
    },
    directory,
    line => {
      ram?.onLine(line);
      events.onConsoleLine?.(line.text);
    },
    events.signal,
  );
  // The real one stays in dist/; a fault's is as big, and made again in a moment.
  if (captureInitrd !== lab.captureInitrd) rmSync(captureInitrd);
  const checks = await judgeWithRam(lab, fault, run, ram);
  const verdict = checks.every(({ holds }) => holds) ? 'passed' : 'failed';
  writeSummary(lab, fault, run, verdict, checks);
  return { verdict, checks, run };
}

/** With the kernel and the boot disk that the fault needs. */
async function labFor({ kernel, disk }: Fault, lab: Lab): Promise<Lab> {
  const { choice } = lab;
  const changed = { ...lab, choice: { ...choice, diskKind: { ...choice.diskKind, ...disk } } };
  return kernel ? await withKernel(changed, kernel) : changed;
}

async function withKernel(lab: Lab, choice: KernelChoice): Promise<Lab> {
  const kernel = await fetchKernel(lab.cache, choice);
  const judges = { ...lab.judges, vmlinux: () => fetchDebugSymbols(lab.cache, kernel) };
  return { ...lab, kernel, judges, captureInitrd: buildStockImage(lab.program, kernel).path };
}

async function judgeWithRam(
  { judges }: Lab,
  { expectations }: Fault,
  run: CrashRun,
  ram: GuestRamTaking | undefined,
): Promise<Check[]> {
  try {
    await ram?.taken();
    return await judge(run, judges, expectations);
  } finally {
    // As large as the machine.
    for (const file of Object.values(guestRamFiles(run.directory))) rmSync(file, { force: true });
  }
}

/** The serial log's last lines, for a person who wants to know what happened. */
export function serialTail(directory: string, lines: number): string {
  const text = readFileSync(join(directory, 'serial.log'), 'utf8').trimEnd();
  return text.split(/\r*\n/).slice(-lines).join('\n');
}

/** The real image, or one with what the fault puts in its place. */
async function initrdWith(lab: Lab, fault: Fault, directory: string): Promise<string> {
  const program = { ...lab.program };
  if (fault.bundle) {
    const entry = 'entry' in fault.bundle ? fault.bundle.entry : 'capture/main.ts';
    const banner = 'firstLine' in fault.bundle ? fault.bundle.firstLine : undefined;
    program.capture = join(directory, 'capture.js');
    await bundle({ entry: join(PROJECT, entry), output: program.capture, version: programVersion(), banner });
  }
  if (fault.withoutFfi) {
    program.koffi = join(directory, 'koffi.node');
    writeFileSync(program.koffi, 'not an addon\n');
  }
  const { bus, fs, layout } = lab.choice.diskKind;
  const isStock =
    bus === 'virtio-blk' && fs === 'ext4' && layout === 'whole' && !fault.options && !fault.layout;
  if (isStock && !fault.bundle && !fault.withoutFfi) return lab.captureInitrd;
  return buildStockImage(
    program,
    lab.kernel,
    join(directory, 'capture.img'),
    imageVariant(lab.choice.diskKind, fault),
  ).path;
}

function imageVariant(kind: DiskKind, { options = {}, layout }: Fault): ImageVariant {
  const isElsewhereToo = (options.fallbackTargets ?? []).length > 0;
  return {
    target: `UUID=${uuidOn(kind.fs, LAB_ROOT_UUID)}`,
    fstype: kind.fs,
    disks: [...new Set([...diskDrivers(kind), ...(isElsewhereToo ? LAB_DISK_DRIVERS : [])])],
    options,
    layout,
  };
}

function writeSummary(
  { kernel, choice, accel }: Lab,
  fault: Fault,
  run: CrashRun,
  verdict: string,
  expectations: readonly Check[],
): void {
  const manifest = run.dumps.length > 0 ? readManifest(run.dumps[0]) : undefined;
  const summary = {
    verdict,
    fault: fault.name,
    kernel: { release: kernel.release, packageVersion: kernel.packageVersion, sha256: kernel.sha256 },
    machine: {
      accel,
      memoryMib: choice.memoryMib,
      crashkernel: choice.crashkernel,
      kernelWords: choice.kernelWords,
    },
    expectations,
    phases: { lab: run.milestones, capture: manifest?.seconds },
    pages: manifest?.dump?.pages,
    files: run.guest.files,
    seconds: run.seconds,
  };
  writeFileSync(join(run.directory, 'summary.json'), `${JSON.stringify(summary, null, 2)}\n`);
}
