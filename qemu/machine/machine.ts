/** One QEMU: its command line, its serial console, its deadline, and its end. */
import { spawn } from 'node:child_process';
import { createWriteStream, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describeError, Failure, type What } from '../../capture/errors.ts';
import { type BusName, busOf } from '../disks/buses.ts';
import type { MoreDisk } from '../disks/second-disk.ts';
import { type Accel, type LabArch, labArch } from './arch.ts';
import { type Boot, watchBoot } from './boot-watch.ts';
import { cpuSecondsOf } from './cpu-time.ts';
import { type DialogueStep, openDialogue } from './dialogue.ts';
import { shareGroupNice } from './priority.ts';
import { openQmp, qmpOption } from './qmp.ts';
import { type Moment, type SerialLine, SerialReader } from './serial.ts';

/** The code of a `LostMachine` whose kernel hung in its boot. */
export const HUNG_BOOT = 'HUNG_BOOT';

/** The machine did not end as it should. That says nothing about kdumpling; the message says where to look. */
export class LostMachine extends Failure {
  /** The run's directory. */
  readonly directory: string;

  constructor(code: string, what: What, directory: string) {
    super(code, what);
    this.directory = directory;
  }
}

export interface MachineSpec {
  /** By default that of the machine that the lab runs on. */
  readonly arch?: LabArch;
  readonly accel: Accel;
  /**
   * Size of TCG's translation cache; QEMU's default is 1 GiB. With a small one TCG drops the code that ran before a
   * reboot. Otherwise it checks every write to that memory against the old code, which costs minutes a boot.
   */
  readonly translatedMib?: number;
  readonly memoryMib: number;
  readonly cpus: number;
  /** Features to turn on or off: `la57=off` gives 4 page-table levels. */
  readonly cpuFeatures?: readonly string[];
  /** The kernel that QEMU loads; by default the disk's boot loader starts. */
  readonly boot?: { readonly vmlinuz: string; readonly initrd: string; readonly commandLine: string };
  /** An image, the first disk on its bus; none by default. */
  readonly disk?: string;
  /** QEMU's name for the format of that image; raw by default. */
  readonly diskFormat?: string;
  /** Default: virtio-blk. */
  readonly bus?: BusName;
  /** More options of the boot disk's -drive: `throttling.bps-write=…`. */
  readonly driveOptions?: string;
  /** Other disks on virtio-blk, in order. */
  readonly moreDisks?: readonly MoreDisk[];
  /** More QEMU options. */
  readonly devices?: readonly string[];
  /** A socket's path for QEMU's monitor, where the dialogue has work for it. */
  readonly monitor?: string;
  /** What is done when a line appears on the serial console; nothing by default. */
  readonly dialogue?: readonly DialogueStep[];
  /** QEMU is killed after this time. */
  readonly deadlineSeconds: number;
  /** By default the machine may take all its time to boot. */
  readonly boots?: Boot;
}

export interface MachineRun {
  readonly lines: readonly SerialLine[];
  readonly seconds: number;
  /** What QEMU said on its standard error, as which signal ended it; the last of it. */
  readonly complaint: string;
}

/** QEMU's command line for this machine. */
export function machineCommand(spec: MachineSpec): string[] {
  const { bus = 'virtio-blk', arch = labArch() } = spec;
  const cpu = [arch.cpu[spec.accel], ...(spec.cpuFeatures ?? [])].join(',');
  const translated = spec.accel === 'tcg' && spec.translatedMib ? `,tb-size=${spec.translatedMib}` : '';
  return [
    arch.qemuCommand,
    ...['-machine', arch.machine, '-accel', `${spec.accel}${translated}`, '-cpu', cpu],
    ...['-smp', String(spec.cpus), '-m', String(spec.memoryMib)],
    ...['-display', 'none', '-monitor', 'none', '-serial', 'stdio', '-no-user-config', '-nic', 'none'],
    ...(spec.disk === undefined
      ? []
      : [
          ...driveArguments('boot', spec.disk, spec.driveOptions, spec.diskFormat),
          ...(bus === 'ahci' ? arch.ahci : []),
          ...busOf(bus).devices('boot', 0),
        ]),
    ...(spec.moreDisks ?? []).flatMap(({ file, driveOptions }, index) => [
      ...driveArguments(`more${index}`, file, driveOptions),
      ...busOf('virtio-blk').devices(`more${index}`, index + 1),
    ]),
    ...(spec.devices ?? []),
    ...(spec.monitor ? qmpOption(spec.monitor) : []),
    ...(spec.boot
      ? ['-kernel', spec.boot.vmlinuz, '-initrd', spec.boot.initrd, '-append', spec.boot.commandLine]
      : []),
  ];
}

function driveArguments(id: string, file: string, options: string | undefined, format = 'raw'): string[] {
  const more = options ? `,${options}` : '';
  return [
    '-drive',
    `file=${file.replaceAll(',', ',,')},format=${format},if=none,id=${id},cache=writeback${more}`,
  ];
}

/** The command as a person would type it in a shell. */
export function commandText(argv: readonly string[]): string {
  return argv
    .map(word => (/^[\w./:=,+-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`))
    .join(' ');
}

/**
 * Runs the machine until it powers off, or until the dialogue cuts its power.
 * @param directory gets `serial.log`.
 * @param signal aborts the run (Ctrl-C).
 * @throws LostMachine when it did not power off in time. QEMU has ended in every case.
 */
export async function runMachine(
  spec: MachineSpec,
  directory: string,
  onLine: (line: SerialLine) => void,
  signal: AbortSignal,
): Promise<MachineRun> {
  const started = performance.now();
  const seconds = () => (performance.now() - started) / 1000;
  const argv = machineCommand(spec);
  const log = createWriteStream(join(directory, 'serial.log'));
  // setpriv: when the lab is killed, QEMU dies with it. detached: Ctrl-C reaches the lab only, which then ends QEMU.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...argv], {
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: true,
  });
  const stop = (): void => {
    child.kill('SIGKILL');
  };
  const deadline = setTimeout(stop, spec.deadlineSeconds * 1000);
  if (child.pid !== undefined) shareGroupNice(child.pid);
  const now = (): Moment => ({
    atSeconds: seconds(),
    cpuSeconds: child.pid === undefined ? undefined : cpuSecondsOf(child.pid),
  });
  const boot = watchBoot(spec.boots, stop);
  signal.addEventListener('abort', stop);
  if (signal.aborted) stop();

  let complaint = '';
  const hear = openDialogue(spec.dialogue ?? [], {
    type: text => child.stdin.write(text),
    pullPlug: () => child.kill('SIGTERM'),
    execute: (command, args) => {
      execute(spec, command, args).catch(error => {
        complaint += describeError(error);
        stop();
      });
    },
  });
  child.stdin.on('error', () => {}); // QEMU may have ended before the dialogue types
  const reader = new SerialReader(line => {
    boot.onLine(line.text);
    hear(line.text);
    onLine(line);
  });

  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    log.write(chunk);
    reader.push(chunk, now());
  });
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    complaint = (complaint + chunk).slice(-2000);
  });
  try {
    const status = await new Promise<number | NodeJS.Signals | Error>(resolve => {
      child.on('error', resolve);
      child.on('close', (code, signalName) => resolve(code ?? signalName!));
    });
    reader.end({ atSeconds: seconds() });
    const hung = boot.hung();
    if (hung) throw lost(HUNG_BOOT, hung, argv, directory);
    if (signal.aborted) throw lost('INTERRUPTED', 'it was interrupted', argv, directory);
    if (status !== 0)
      throw lost('LOST_MACHINE', howItEnded(spec, status, complaint, seconds()), argv, directory);
    return { lines: reader.lines, seconds: seconds(), complaint: complaint.trim() };
  } finally {
    clearTimeout(deadline);
    boot.end();
    signal.removeEventListener('abort', stop);
    if (spec.monitor) rmSync(spec.monitor, { force: true });
    await new Promise(resolve => log.end(resolve));
  }
}

async function execute(
  { monitor }: MachineSpec,
  command: string,
  args: Readonly<Record<string, unknown>> | undefined,
): Promise<void> {
  const qmp = await openQmp(monitor!);
  try {
    await qmp.execute(command, args);
  } finally {
    qmp.close();
  }
}

function howItEnded(
  { deadlineSeconds }: MachineSpec,
  status: number | string | Error,
  complaint: string,
  seconds: number,
): string {
  const timedOut = status === 'SIGKILL' && seconds >= deadlineSeconds;
  return timedOut
    ? `it did not power off in ${deadlineSeconds} s`
    : `QEMU ended with ${status} ${complaint.trim()}`;
}

/** @param argv of QEMU. */
export function lost(code: string, actual: string, argv: readonly string[], directory: string): LostMachine {
  const toDo = `See ${join(directory, 'serial.log')}; QEMU was: ${commandText(argv)}`;
  return new LostMachine(code, { action: 'run the machine until it powers off', actual, toDo }, directory);
}
