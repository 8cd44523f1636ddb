/**
 * The crash-loop guard: a machine that crashes again and again must not fill its disk with dumps of one fault, nor spend
 * its days dumping. After N captures within M minutes, the next one saves the kernel log alone.
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

/** What is known of this crash. */
export interface CrashTime {
  readonly seconds: number;
  /** Whether the clock can be: then the dates of earlier captures can be compared with it. */
  readonly trusted: boolean;
  /** How long the crashed kernel had run, by its log; needs no clock. */
  readonly uptimeSeconds: number | undefined;
}

/** What is on the target. */
export interface CrashHistory {
  /** When earlier captures were, seconds since 1970. */
  readonly captures: readonly number[];
  /** How many captures in a row, of machines without a clock, had run for less than the limit's minutes. */
  readonly quick: number;
}

/** Beside the dumps, and only on machines whose clock is not to be trusted. */
const COUNT_FILE = '.crash-loop';

/** `3/10`; undefined for `0`: no guard. */
export function parseCrashLoop(text: string): CrashLoopLimit | undefined {
  const match = /^(\d+)\/(\d+)$/.exec(text);
  return match ? { captures: Number(match[1]), minutes: Number(match[2]) } : undefined;
}

/**
 * Counts this crash among the others, and judges it.
 * @param dumps the directory of all dumps; @param own the name of this capture's in it.
 * @returns how many captures were just before this one, when they are too many.
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

/** How many captures came before this one within the limit's time. */
export function capturesBefore(limit: CrashLoopLimit, crash: CrashTime, history: CrashHistory): number {
  const span = limit.minutes * 60;
  if (!crash.trusted) return isQuick(limit, crash) ? history.quick : 0;
  return history.captures.filter(at => at <= crash.seconds && at >= crash.seconds - span).length;
}

function isQuick({ minutes }: CrashLoopLimit, { uptimeSeconds }: CrashTime): boolean {
  return uptimeSeconds !== undefined && uptimeSeconds < minutes * 60;
}

/** When a dump directory of this name is from; undefined for what is none. */
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

/** Counts this crash for the next one, on a machine whose dates say nothing. */
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

/** A symbolic link is not followed, a FIFO not waited for: a disk may hold anything. */
function openCountFile(dumps: string, flags: number): number {
  return openSync(join(dumps, COUNT_FILE), flags | constants.O_NOFOLLOW | constants.O_NONBLOCK, 0o600);
}
