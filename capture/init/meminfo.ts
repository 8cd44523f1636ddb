/** How much memory the capture kernel has, for the log and the manifest. A reservation that is too small shows here first. */
import { attempt } from '../errors.ts';
import type { Heartbeat } from './heartbeat.ts';

export const MEMINFO = '/proc/meminfo';

/** @param meminfo the text of /proc/meminfo (proc_meminfo(5)), whose figures are in KiB. */
export function describeMemory(meminfo: string): string {
  const mebibytes = (name: string) => {
    const bytes = bytesOf(meminfo, name);
    return bytes === undefined ? '?' : String(Math.round(bytes / 2 ** 20));
  };
  return `${mebibytes('MemAvailable')} of ${mebibytes('MemTotal')} MiB of memory available`;
}

/** Why work cannot begin, as it follows `skipped: `. */
export function tooLittleMemory(thereBytes: number, neededBytes: number): string {
  return `${thereBytes >>> 20} MiB of memory are available, it needs ${neededBytes >>> 20}`;
}

/** Of 13 MiB of a waiting capture 10 were swapped into zram, where they took 5.2. */
const COMPRESSED_SHARE = 1 / 3;

/**
 * In bytes, what another program can have while this one waits: what is available, and what becomes so when the kernel compresses what
 * this one has (initrd/early.sh), where it does. Undefined where the kernel does not say it.
 */
export function roomBesideWaiting(meminfo: string): number | undefined {
  const available = bytesOf(meminfo, 'MemAvailable');
  const swappable = Math.min(bytesOf(meminfo, 'AnonPages') ?? 0, bytesOf(meminfo, 'SwapFree') ?? 0);
  return available === undefined ? undefined : available + Math.floor(swappable * COMPRESSED_SHARE);
}

/** In bytes. */
export interface MemoryLow {
  readonly totalBytes: number;
  /** The least that was available at any time the program looked. */
  readonly lowestAvailableBytes: number;
}

export interface MemoryWatch {
  /** Beats like the other heartbeat, and looks at the memory when a phase begins and now and then within it. */
  readonly heartbeat: Heartbeat;
  /** Undefined where the kernel does not say it. */
  low(): MemoryLow | undefined;
}

/** A look takes some 30 µs, and a beat comes with each MB of memory that is dumped. */
const BEATS_PER_LOOK = 64;

export function watchMemory(heartbeat: Heartbeat, readText: (path: string) => string): MemoryWatch {
  let low: MemoryLow | undefined;
  let beats = 0;
  const look = (): void => {
    const meminfo =
      attempt(
        () => readText(MEMINFO),
        () => {},
      ) ?? '';
    const [available, totalBytes] = [bytesOf(meminfo, 'MemAvailable'), bytesOf(meminfo, 'MemTotal')];
    if (available === undefined || totalBytes === undefined) return;
    low = {
      totalBytes,
      lowestAvailableBytes: Math.min(available, low?.lowestAvailableBytes ?? available),
    };
  };
  return {
    heartbeat: {
      ...heartbeat,
      beat() {
        heartbeat.beat();
        beats += 1;
        if (beats % BEATS_PER_LOOK === 0) look();
      },
      enter(phase) {
        heartbeat.enter(phase);
        look();
      },
    },
    low: () => low,
  };
}

/** Undefined where it is not there. */
export function bytesOf(meminfo: string, name: string): number | undefined {
  const match = new RegExp(`^${name}: +(\\d+) kB`, 'm').exec(meminfo);
  return match ? Number(match[1]) * 1024 : undefined;
}
