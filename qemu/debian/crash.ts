/** One crash of the Debian guest, from the trigger to its login prompt, timed on the serial console. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { LabArch } from '../machine/arch.ts';
import type { SerialLine } from '../machine/serial.ts';
import type { Segment } from '../run/segments.ts';
import { SYSRQ_CRASH } from '../triggers/triggers.ts';
import { GuestError } from './agent.ts';
import type { Guest } from './machine.ts';

/** Seconds since the panic. What was not seen is left out. */
export interface CrashTimes extends Stations {
  /** CPU time that QEMU took from the capture kernel's first line to its reboot, in seconds. */
  readonly captureCpu?: number;
}

interface Stations {
  /** The capture kernel's first line. */
  readonly captureKernel?: number;
  /** The capture kernel's reboot. */
  readonly reboot?: number;
  /** The login prompt of the boot after. */
  readonly login?: number;
}

function stationsOn({ console: port }: LabArch) {
  return [
    { name: 'panic', pattern: /Kernel panic - not syncing: / },
    { name: 'captureKernel', pattern: /Linux version / },
    // A reboot by sysrq prints nothing: then the first line of the next boot counts.
    { name: 'reboot', pattern: /reboot: Restarting system|Linux version / },
    // The banner of getty. The prompt itself has no newline.
    { name: 'login', pattern: new RegExp(`^Debian GNU/Linux 12 debian ${port}`) },
  ] as const;
}

const POLL_MS = 200;

/**
 * On the CPU that the machine starts on: of two, a crash kernel on the other one could not start that one again (x86). On a machine with
 * more CPUs it has a second one whichever panics.
 */
const ON_FIRST_CPU = `taskset 1 sh -c '${SYSRQ_CRASH.command}'`;

/** A crash that was seen to the login prompt. */
export interface SeenCrash {
  readonly times: CrashTimes;
  /** The serial console from the trigger on. */
  readonly lines: readonly SerialLine[];
}

/** @throws GuestError when no crash kernel is loaded, or when the login prompt does not come in time. */
export async function crash(guest: Guest, timeoutSeconds: number): Promise<SeenCrash> {
  // The panic of a machine without one has no end: nothing would reboot it.
  const loaded = (await guest.agent.must('cat /sys/kernel/kexec_crash_loaded')).trim();
  if (loaded !== '1')
    throw new GuestError('NOT_LOADED', {
      action: 'crash the guest',
      actual: `/sys/kernel/kexec_crash_loaded is ${loaded}`,
      wanted: '1, a loaded crash kernel',
    });
  const from = guest.lines.length;
  guest.agent.send(`sync; ${ON_FIRST_CPU}`);
  await guest.agent.untilBoot(timeoutSeconds);
  await untilLogin(guest, from, timeoutSeconds);
  const lines = guest.lines.slice(from);
  return { times: crashTimes(guest.arch, lines), lines };
}

/** @param lines of the serial console from the trigger on. */
export function crashTimes(arch: LabArch, lines: readonly SerialLine[]): CrashTimes {
  const { panic, ...later } = stationsIn(arch, lines);
  if (panic === undefined) return {};
  const start = lines[panic]!.atSeconds;
  const stations: Stations = Object.fromEntries(
    Object.entries(later).map(([name, index]) => [name, tenths(lines[index]!.atSeconds - start)]),
  );
  const [begin, end] = [later.captureKernel, later.reboot].map(index =>
    index === undefined ? undefined : lines[index]!.cpuSeconds,
  );
  if (begin === undefined || end === undefined) return stations;
  return { ...stations, captureCpu: tenths(end - begin) };
}

/**
 * CPUs of the crash kernel, as its log says (Linux kernel/smp.c, smp_init). Their number also depends on which CPU panicked.
 * @param lines of the serial console from the trigger on.
 */
export function captureCpus(arch: LabArch, lines: readonly SerialLine[]): number | undefined {
  const { captureKernel, reboot } = stationsIn(arch, lines);
  if (captureKernel === undefined) return undefined;
  const counts = lines.slice(captureKernel, reboot).flatMap(({ text }) => BROUGHT_UP.exec(text)?.[1] ?? []);
  return counts.length === 0 ? undefined : Number(counts[0]);
}

const BROUGHT_UP = /smp: Brought up \d+ nodes?, (\d+) CPUs?/;

function tenths(seconds: number): number {
  return Number(seconds.toFixed(1));
}

/** A part of the time in the crash kernel, and the line of the console that ends it. */
export interface Stage {
  readonly name: string;
  readonly until: RegExp;
}

/**
 * Where the time from the panic to the login prompt went. Stages whose end was not seen are part of the next segment.
 * @param stages of the crash kernel, in order; the last ends before the reboot.
 * @returns none where the machine was not seen to reboot.
 */
export function crashSegments(
  arch: LabArch,
  lines: readonly SerialLine[],
  stages: readonly Stage[],
): Segment[] {
  const { panic, captureKernel, reboot, login } = stationsIn(arch, lines);
  if (panic === undefined || captureKernel === undefined || reboot === undefined) return [];
  const ends: { name: string; index: number }[] = [{ name: 'kexec', index: captureKernel }];
  for (const { name, until } of stages) {
    const index = indexFrom(lines, ends.at(-1)!.index + 1, until);
    if (index !== undefined && index < reboot) ends.push({ name, index });
  }
  ends.push({ name: 'reboot', index: reboot });
  if (login !== undefined) ends.push({ name: 'first kernel', index: login });
  return ends.map(({ name, index }, nth) => {
    const begin = nth === 0 ? panic : ends[nth - 1]!.index;
    return { name, seconds: lines[index]!.atSeconds - lines[begin]!.atSeconds };
  });
}

type Station = ReturnType<typeof stationsOn>[number]['name'];

/** Indices of the lines that are stations, up to the first that is missing. */
function stationsIn(arch: LabArch, lines: readonly SerialLine[]): Partial<Record<Station, number>> {
  const at: Partial<Record<Station, number>> = {};
  let from = 0;
  for (const { name, pattern } of stationsOn(arch)) {
    const index = indexFrom(lines, from, pattern);
    if (index === undefined) break;
    at[name] = index;
    from = index + 1;
  }
  return at;
}

function indexFrom(lines: readonly SerialLine[], from: number, pattern: RegExp): number | undefined {
  const index = lines.findIndex(({ text }, position) => position >= from && pattern.test(text));
  return index < 0 ? undefined : index;
}

async function untilLogin(guest: Guest, from: number, timeoutSeconds: number): Promise<void> {
  for (let waited = 0; waited < timeoutSeconds * 1000; waited += POLL_MS) {
    if (crashTimes(guest.arch, guest.lines.slice(from)).login !== undefined) return;
    await sleep(POLL_MS, undefined, { signal: guest.signal });
  }
  throw new GuestError('NO_LOGIN', {
    action: 'see the guest come home',
    actual: `no login prompt in ${timeoutSeconds} s`,
  });
}
