/**
 * The crash-loop guard: a machine in a crash loop must not fill its disk with dumps of the same fault, or spend its time
 * on dumps. After N captures within M minutes, the next one saves the kernel log alone.
 */
import { Buffer } from 'node:buffer';
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { isTrusted } from './ownership.ts';

export interface CrashLoopLimit {
  readonly captures: number;
  readonly minutes: number;
}

/** When this crash happened. */
export interface CrashTime {
  readonly seconds: number;
  /** Whether the clock is right, so that the dates of earlier captures can be compared with it. */
  readonly trusted: boolean;
  /** How long the crashed kernel had run, by its log. This needs no clock. */
  readonly uptimeSeconds: number | undefined;
}

/** Earlier captures on the target. */
export interface CrashHistory {
  /** Their times, seconds since 1970. */
  readonly captures: readonly number[];
  /** Without a clock: how many captures in a row came less than the limit's minutes after the boot. */
  readonly quick: number;
}

/** Beside the dumps; made only on machines without a valid clock. */
const COUNT_FILE = '.crash-loop';

/** Parses `3/10`; undefined for `0`, which turns the guard off. */
export function parseCrashLoop(text: string): CrashLoopLimit | undefined {
  const match = /^(\d+)\/(\d+)$/.exec(text);
  return match ? { captures: Number(match[1]), minutes: Number(match[2]) } : undefined;
}

/**
 * Counts this crash and judges it.
 * @param dumps the directory of all dumps; @param own the name of this capture's in it.
 * @returns the number of recent captures if there are too many, else undefined.
 */
export function judgeCrashLoop(
  dumps: string,
  own: string,
  limit: CrashLoopLimit,
  crash: CrashTime,
): number | undefined {
  const history = readHistory(dumps, own);
  countCrash(dumps, limit, crash, history);
  const before = capturesBefore(limit, crash, history);
  return before >= limit.captures ? before : undefined;
}

/** The number of captures within the limit's time before this one. */
export function capturesBefore(limit: CrashLoopLimit, crash: CrashTime, history: CrashHistory): number {
  const span = limit.minutes * 60;
  if (!crash.trusted) return isQuick(limit, crash) ? history.quick : 0;
  return history.captures.filter(at => at <= crash.seconds && at >= crash.seconds - span).length;
}

function isQuick({ minutes }: CrashLoopLimit, { uptimeSeconds }: CrashTime): boolean {
  return uptimeSeconds !== undefined && uptimeSeconds < minutes * 60;
}

/** The time in a dump directory's name; undefined for any other name. */
export function secondsOfStamp(name: string): number | undefined {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z(?:-\d+)?$/.exec(name);
  if (!match) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1).map(Number);
  return Date.UTC(year, month - 1, day, hour, minute, second) / 1000;
}

/** @param dumps the directory of all dumps; @param own the name of this capture's in it. */
export function readHistory(dumps: string, own: string): CrashHistory {
  const others = readdirSync(dumps).filter(name => name !== own);
  const captures = others.flatMap(name => {
    const seconds = secondsOfStamp(name);
    return seconds !== undefined && isRootsDirectory(join(dumps, name)) ? seconds : [];
  });
  return { captures, quick: readCount(dumps) };
}

/** Counts this crash for the next one, on a machine without a valid clock. */
export function countCrash(
  dumps: string,
  limit: CrashLoopLimit,
  crash: CrashTime,
  { quick }: CrashHistory,
): void {
  if (crash.trusted) return;
  const count = isQuick(limit, crash) ? quick + 1 : 0;
  removeForeign(join(dumps, COUNT_FILE));
  const fd = openCountFile(dumps, constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC);
  try {
    writeSync(fd, `${count}\n`);
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function readCount(dumps: string): number {
  try {
    const fd = openCountFile(dumps, constants.O_RDONLY);
    try {
      if (!isTrusted(fstatSync(fd))) return 0;
      const bytes = Buffer.alloc(16);
      const text = bytes.toString('latin1', 0, readSync(fd, bytes)).trim();
      return /^\d{1,6}$/.test(text) ? Number(text) : 0;
    } finally {
      closeSync(fd);
    }
  } catch {
    return 0;
  }
}

function isRootsDirectory(path: string): boolean {
  const found = lstatSync(path, { throwIfNoEntry: false });
  return found?.isDirectory() === true && isTrusted(found);
}

/** Another user's file, or a link, would be refused or written through (fs.protected_regular, O_NOFOLLOW). */
function removeForeign(path: string): void {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found && !found.isDirectory() && !(found.isFile() && isTrusted(found))) rmSync(path);
}

/** Anything may be on a disk: a symbolic link is not followed, and a FIFO does not block. */
function openCountFile(dumps: string, flags: number): number {
  return openSync(join(dumps, COUNT_FILE), flags | constants.O_NOFOLLOW | constants.O_NONBLOCK, 0o600);
}
