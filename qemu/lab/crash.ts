/** One crash, from what was chosen to the verdict. */
import { rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { bundle } from '../../build/bundle.ts';
import type { Parts } from '../../build/parts/parts.ts';
import { PROJECT } from '../../build/paths.ts';
import { programVersion } from '../../build/program.ts';
import { dumpedAs, sameAsRawCopy } from '../expect/asked-dump.ts';
import type { Check, Expectation } from '../expect/check.ts';
import { judge, OPENED_BY_CRASH, panicOfTrigger } from '../expect/expectations.ts';
import { readManifest } from '../expect/manifest.ts';
import { stackAsPrinted } from '../expect/printed-stack.ts';
import { reportOfTrigger, reportOn } from '../expect/report.ts';
import type { Fault } from '../faults/fault.ts';
import { SOUND } from '../faults/sound.ts';
import { nodeOptions, REPORT_NODES, seesNodes } from '../geometry/nodes.ts';
import type { GuestLoader } from '../guest/root.ts';
import { kernelLabel } from '../kernel/lab-kernel.ts';
import { labArch } from '../machine/arch.ts';
import { fetchUefi } from '../machine/firmware.ts';
import { GUEST_RAM_DRIVERS, type GuestRamTaking, guestRamFiles, takeGuestRam } from '../machine/guest-ram.ts';
import { inRunDirectory, REPORT_FILE, writeSummary } from '../run/directory.ts';
import { type CrashPlan, type CrashRun, crashOnce } from '../run/run.ts';
import { type SystemImage, systemDiskKind } from '../system/system-image.ts';
import { buildCrashModule, CRASH_MODULE } from '../triggers/module.ts';
import type { Cell } from './cell.ts';
import { fittingKernel } from './fitting.ts';
import { captureImage, hasRuntimeOnDisk } from './image.ts';
import { checkSystemFault, triggerInSystem } from './in-system.ts';
import { wordsForReservation } from './kaslr.ts';
import { type Lab, withKernel } from './lab.ts';
import { DEFAULT_MACHINE, type MachineChoice } from './options.ts';

export interface Verdict {
  readonly verdict: 'passed' | 'failed';
  readonly checks: readonly Check[];
  readonly run: CrashRun;
}

export interface CrashEvents {
  readonly onConsoleLine?: (text: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Crashes the machine with one fault and judges what was saved.
 * @param cell what is unusual about the crash, for the tables of runs. @throws LostMachine, CannotCrash
 */
export async function crashWith(
  anyLab: Lab,
  fault: Fault,
  events: CrashEvents,
  cell?: Cell,
): Promise<Verdict> {
  const lab = await labFor(fault, anyLab);
  lab.kernel.checkTrigger(lab.choice.trigger);
  // Their absence is a reason not to boot, and not to fail after the crash.
  if (needsSymbols(lab, fault)) await lab.kernel.symbols();
  const facts = { ...factsOf(lab, fault), cell };
  const named = { name: runName(fault, lab), facts };
  return inRunDirectory(named, events.signal, async directory => {
    const captureInitrd = await captureImage(lab, fault, directory);
    const ram = fault.takesGuestRam ? takeGuestRam(directory, labArch(lab.parts.platform.node)) : undefined;
    const run = await crashOnce(
      await planOf(lab, fault, directory, captureInitrd, ram),
      directory,
      line => {
        ram?.onLine(line);
        events.onConsoleLine?.(line.text);
      },
      events.signal,
    );
    // The stock image stays in dist/. A fault's image is 40 MB and is built again in a moment.
    if (captureInitrd !== lab.captureInitrd) rmSync(captureInitrd);
    const checks = await judgeWithRam(lab, fault, run, ram);
    const verdict = checks.every(({ holds }) => holds) ? 'passed' : 'failed';
    writeSummary(directory, { verdict, ...facts, ...resultsOf(checks, run) });
    await saveReport(run);
    return { verdict, checks, run };
  });
}

/** crash(8) and drgn open nothing without them; drgn reads the log of another architecture's dump. */
function needsSymbols({ parts }: Lab, { expectations }: Fault): boolean {
  return !parts.isNative || expectations.some(one => OPENED_BY_CRASH.includes(one));
}

/** With the memory that the geometry needs, and the kernel and the boot disk that the fault or the trigger needs. */
async function labFor(ofFault: Fault, lab: Lab): Promise<Lab> {
  const { disk, ...fault } = ofFault;
  const { system } = lab;
  if (system) checkSystemFault(system.path, ofFault);
  const choice = system ? choiceInSystem(system, lab.choice) : lab.choice;
  const {
    memoryMib = choice.memoryMib,
    nodes = choice.nodes,
    crashkernel = fault.crashkernel ?? choice.crashkernel,
  } = choice.geometry;
  const diskKind = { ...choice.diskKind, ...disk };
  const { cpus = choice.cpus } = fault;
  const changed = { ...lab, choice: { ...choice, memoryMib, nodes, crashkernel, cpus, diskKind } };
  const wanted = fittingKernel(choice, ofFault);
  return 'path' in wanted || wanted === choice.kernel ? changed : await withKernel(changed, wanted);
}

function choiceInSystem(system: SystemImage, choice: MachineChoice): MachineChoice {
  const trigger = triggerInSystem(system.path, choice.trigger);
  return { ...choice, trigger, diskKind: systemDiskKind(system, choice.diskKind) };
}

/** The parts of the run that are not the usual ones. */
function runName(fault: Fault, { kernel, system, choice: { geometry, trigger } }: Lab): string {
  const { kernel: usualKernel } = DEFAULT_MACHINE;
  const usual: readonly string[] = [
    'path' in usualKernel ? '' : kernelLabel(usualKernel),
    SOUND.name,
    DEFAULT_MACHINE.geometry.name,
    DEFAULT_MACHINE.trigger.name,
  ];
  const image = system ? [basename(system.path).replaceAll(/[^\w.-]/g, '_')] : [];
  const names = [kernel.label, ...image, fault.name, geometry.name, trigger.name].filter(
    name => !usual.includes(name),
  );
  return names.join('-') || 'crash';
}

async function planOf(
  { cache, kernel, captureKernel, guestTools, parts, program, accel, choice, system }: Lab,
  fault: Fault,
  directory: string,
  captureInitrd: string,
  ram: GuestRamTaking | undefined,
): Promise<CrashPlan> {
  const { geometry, trigger } = choice;
  const loads = !labArch(parts.platform.node).kexecTools;
  const module = trigger.needsModule && {
    source: await buildCrashModule(cache, kernel),
    path: CRASH_MODULE,
  };
  return {
    kernel,
    captureKernel,
    tools: [...guestTools, ...(module ? [module] : [])],
    parts,
    captureInitrd,
    layout: fault.layout ?? 'self-contained',
    runtimeImage: hasRuntimeOnDisk(system, fault) ? program.runtime : undefined,
    loader: loads ? await buildLoader(parts, directory) : undefined,
    accel,
    cpus: choice.cpus,
    memoryMib: choice.memoryMib,
    crashkernel: choice.crashkernel,
    kernelWords: [
      ...wordsForReservation(choice.memoryMib, choice.crashkernel),
      ...(geometry.kernelWords ?? []),
      ...(fault.kernelWords ?? []),
      ...choice.kernelWords,
    ],
    firstKernelWords: fault.firstKernelWords ?? [],
    diskKind: choice.diskKind,
    diskMib: choice.diskMib,
    driveOptions: fault.driveOptions,
    secondDisk: fault.secondDisk,
    fillMib: choice.fillMib,
    beforeArming: [
      ...(choice.nodes > 1 ? [REPORT_NODES] : []),
      geometry.beforeArming ?? '',
      fault.beforeArming ?? '',
    ].join('\n'),
    beforeCrash: fault.beforeCrash ?? '',
    trigger,
    crashWords: [
      ...(geometry.crashWords ?? []),
      ...(fault.crashWords ?? []),
      ...captureWords(choice),
      ...choice.crashWords,
    ],
    deadlineSeconds: choice.deadlineSeconds,
    keepDisk: choice.keepDisk,
    devices: [
      ...(geometry.uefi ? await fetchUefi(cache, labArch(parts.platform.node)) : []),
      ...(geometry.devices ?? []),
      ...nodeOptions(choice.nodes, choice.memoryMib, choice.cpus),
      ...(ram?.devices ?? []),
      ...(fault.devices ?? []),
    ],
    firstKernelDrivers: [
      ...(geometry.drivers ?? []),
      ...(ram ? GUEST_RAM_DRIVERS : []),
      ...(fault.watchdog?.drivers ?? []),
    ],
    watchdogSeconds: fault.watchdog?.seconds,
    dialogue: fault.dialogue ?? [],
    withoutConsole: fault.withoutConsole ?? false,
    crashes: fault.crashes ?? 1,
    system,
  };
}

function captureWords({ level, codec }: MachineChoice): string[] {
  return [
    ...(level === undefined ? [] : [`kdumpling.dumpLevel=${level}`]),
    ...(codec === undefined ? [] : [`kdumpling.codec=${codec}`]),
  ];
}

/** kdumpling's own loading as a program for the first kernel, with the FFI that it needs. */
async function buildLoader({ koffi, dist }: Parts, directory: string): Promise<GuestLoader> {
  const program = join(directory, 'load.js');
  const entry = join(PROJECT, 'qemu/guest/load-crash-kernel.ts');
  await bundle({ entry, output: program, version: programVersion() });
  return { program, koffi, runtime: join(dist, 'runtime') };
}

async function judgeWithRam(
  { judges, choice }: Lab,
  { expectations }: Fault,
  run: CrashRun,
  ram: GuestRamTaking | undefined,
): Promise<Check[]> {
  try {
    await ram?.taken();
    return await judge(run, judges, [...expectationsOf(choice), stackAsPrinted, ...expectations]);
  } finally {
    // Each is as large as the machine's memory.
    for (const file of Object.values(guestRamFiles(run.directory))) rmSync(file, { force: true });
  }
}

/** What the machine and the trigger promise, whatever the fault is. */
function expectationsOf(choice: MachineChoice): Expectation[] {
  const { trigger, geometry, nodes, raw, architecture } = choice;
  const report = trigger.report && { ...trigger.report, ...trigger.reportOn?.[architecture] };
  const ofTrigger =
    trigger === DEFAULT_MACHINE.trigger ? [] : [panicOfTrigger, ...(report ? [reportOfTrigger(report)] : [])];
  return [
    ...geometry.expectations,
    ...(nodes > 1 ? [seesNodes(nodes)] : []),
    ...ofTrigger,
    dumpedAs(choice),
    ...(raw ? [sameAsRawCopy] : []),
  ];
}

/** What is known of a run before it begins. */
function factsOf({ kernel, captureKernel, choice, accel, system }: Lab, fault: Fault): object {
  const { release, origin, sha256 } = kernel;
  const { geometry, trigger, memoryMib, crashkernel, kernelWords } = choice;
  return {
    fault: fault.name,
    trigger: trigger.name,
    geometry: geometry.name,
    kernel: { release, origin, sha256 },
    ...(captureKernel !== kernel && {
      captureKernel: { release: captureKernel.release, origin: captureKernel.origin },
    }),
    ...(system && { system: { path: system.path, name: system.name, root: system.root } }),
    machine: { accel, memoryMib, crashkernel, kernelWords },
  };
}

function resultsOf(checks: readonly Check[], run: CrashRun): object {
  const manifest = run.dumps.length > 0 ? readManifest(run.dumps[0]) : undefined;
  return {
    expectations: checks,
    phases: { lab: run.milestones, capture: manifest?.seconds },
    pages: manifest?.dump?.pages,
    files: run.guest.files,
    seconds: run.seconds,
  };
}

async function saveReport({ dumps, directory }: CrashRun): Promise<void> {
  if (dumps.length === 0) return;
  const { stdout } = await reportOn(dumps[0], []);
  writeFileSync(join(directory, REPORT_FILE), stdout);
}
