/**
 * Leaves the search for deadlocks among Abseil's mutexes out of a Node binary. Node builds Abseil without NDEBUG, and so the first mutex
 * that V8 locks makes a graph of 1.05 MB, which stays, and each lock is entered there (absl/synchronization/mutex.cc,
 * DebugOnlyDeadlockCheck). All that it could do is end the process where two mutexes are locked in both orders.
 */
import { sectionsOf } from './cuts.ts';
import { symbolsOf } from './symbols.ts';

/** A variable, to be set by SetMutexDeadlockDetectionMode(), which Node does not call. */
const MODE = '_ZN4absl12_GLOBAL__N_124synch_deadlock_detectionE';
/** absl::OnDeadlockCycle (absl/synchronization/mutex.h). */
const CYCLE = { ignore: 0, abort: 2 };

/** For whoever asks whether an image was made with the same changes. */
export const DEADLOCK_MODE = `${MODE}=${CYCLE.ignore}`;

/**
 * @param node without symbols, which is changed.
 * @param whole the same with its symbols.
 * @returns whether there was something to change: another Node may lack it.
 */
export function ignoreDeadlocks(node: Buffer, whole: Buffer): boolean {
  const address = addressOf(whole, MODE);
  const data = sectionsOf(node)('.data');
  if (address === undefined || address < data.address || address >= data.address + data.bytes) return false;
  const at = data.at + address - data.address;
  if (node.readUInt32LE(at) !== CYCLE.abort) return false;
  node.writeUInt32LE(CYCLE.ignore, at);
  return true;
}

function addressOf(whole: Buffer, symbol: string): number | undefined {
  const names = sectionsOf(whole)('.strtab');
  const inNames = whole.subarray(names.at, names.at + names.bytes).indexOf(`\0${symbol}\0`) + 1;
  if (inNames === 0) return undefined;
  for (const { nameAt, address } of symbolsOf(whole)) if (nameAt === names.at + inNames) return address;
  return undefined;
}
