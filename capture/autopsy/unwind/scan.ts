/**
 * Finds callers without rules: words on the stack that look like return addresses, as the kernel's own oops does with the
 * frames that it marks `?`. One from which the unwinding comes to the stack's end is most likely the caller; old words in
 * a live frame rarely lead there.
 */

import type { Stack } from '../tasks/stacks.ts';
import type { Cursor } from './cursor.ts';
import type { Call } from './unwind-arch.ts';
import type { Walk, WalkedFrame } from './walk.ts';
import type { Words } from './words.ts';

const WORD_BYTES = 8n;
/** Of those that are shown when none leads to the end. */
const MOST_GUESSES = 64;
/** A stack that is full of addresses must not take seconds. */
const MOST_TRIED = 128;

export interface Scanner {
  readonly words: Words;
  /** Code has addresses with this upper half at least: see PointerFacts. */
  readonly leastHigh: number;
  /** The call behind which `address` is; undefined for an address that is not behind one. */
  callBefore(address: bigint): Call | undefined;
  /** From a caller on. */
  walk(from: Cursor, first: WalkedFrame): Walk;
}

/** Where the frame ends whose caller is looked for, and what is known of it. */
export interface Orphan {
  readonly sp: bigint;
  /** What RBP may have been in its caller. */
  readonly bps: readonly (bigint | undefined)[];
  /** The beginning of its function. */
  readonly function?: bigint;
}

/**
 * The walk from the first return address above the orphan that leads to the stack's end. One behind a call of the orphan's
 * own function is preferred, and is reliable: even where the stack above it is overwritten and its walk does not end.
 */
export function findCaller(scanner: Scanner, stack: Stack, orphan: Orphan): Walk | undefined {
  const found = take(returnAddresses(scanner, orphan.sp, stack.end), MOST_TRIED);
  const isCaller = ({ call }: ReturnAddress) => call.target !== undefined && call.target === orphan.function;
  const walksFrom = (candidate: ReturnAddress, reliable: boolean): Walk[] => {
    const { slot, address } = candidate;
    const first = { ...guessed(candidate, stack), reliable };
    return orphan.bps.map(bp =>
      scanner.walk({ ip: address, sp: slot + WORD_BYTES, bp, isExact: false }, first),
    );
  };
  const callers = found.filter(isCaller);
  const whole = firstWhole(callers, candidate => walksFrom(candidate, true));
  if (whole) return whole;
  const [nearest] = callers;
  if (nearest) return walksFrom(nearest, true).reduce((a, b) => (b.frames.length > a.frames.length ? b : a));
  return firstWhole(found, candidate => walksFrom(candidate, false));
}

function firstWhole(
  candidates: readonly ReturnAddress[],
  walksFrom: (candidate: ReturnAddress) => readonly Walk[],
): Walk | undefined {
  for (const candidate of candidates) {
    const whole = walksFrom(candidate).find(({ end }) => end.end === 'whole');
    if (whole) return whole;
  }
  return undefined;
}

/** All candidates from `start` on, for a stack that cannot be followed. */
export function guesses(scanner: Scanner, stack: Stack, start: bigint): WalkedFrame[] {
  return take(returnAddresses(scanner, start, stack.end), MOST_GUESSES).map(found => guessed(found, stack));
}

export interface ReturnAddress {
  readonly slot: bigint;
  readonly address: bigint;
  readonly call: Call;
}

/** Those in [start, end), upwards. */
export function* returnAddresses(
  { words, leastHigh, callBefore }: Pick<Scanner, 'words' | 'leastHigh' | 'callBefore'>,
  start: bigint,
  end: bigint,
): Generator<ReturnAddress, void> {
  for (const { slot, word: address } of words.from(aligned(start), end, leastHigh)) {
    const call = callBefore(address);
    if (call) yield { slot, address, call };
  }
}

function take<T>(items: Iterable<T>, most: number): T[] {
  const taken: T[] = [];
  for (const item of items) {
    if (taken.push(item) === most) break;
  }
  return taken;
}

function guessed({ slot, address }: ReturnAddress, stack: Stack): WalkedFrame {
  return { address, sp: slot, kind: 'call', reliable: false, isExact: false, stack };
}

function aligned(address: bigint): bigint {
  return (address + WORD_BYTES - 1n) & ~(WORD_BYTES - 1n);
}
