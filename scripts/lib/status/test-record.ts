/** The record of a test crash, kept across the reboot, and whether that crash was captured. */
import type { Dump } from '../dumps/dumps.ts';
import type { Host } from '../host/host.ts';
import { STATE_FOLDER } from '../host/kernel-files.ts';
import { isRecord, isTextList } from '../host/state-file.ts';
import { changedParts, type TestSubject } from './test-subject.ts';

const FILE = `${STATE_FOLDER}/test.json`;
/** How much earlier than the recorded time a dump may be stamped and still count. */
const CLOCK_SLACK_MS = 120_000;

export interface TestRecord {
  /** /proc/sys/kernel/random/boot_id of the boot that was crashed. */
  readonly bootId: string;
  /** ISO 8601. */
  readonly time: string;
  /** IDs of the dumps that existed before. */
  readonly dumps: readonly string[];
  /** Records of version 0.1.0 have none. */
  readonly tested?: TestSubject;
}

export interface TestResult {
  readonly passed: boolean;
  readonly text: string;
  readonly dump?: Dump;
  /** What has changed since, so that the result says nothing about it; see test-subject.ts. */
  readonly changed: readonly string[];
}

export function bootId(host: Host): string {
  return (host.read('/proc/sys/kernel/random/boot_id') ?? '').trim();
}

/** The record is on the disk when this returns. */
export function writeRecord(host: Host, record: TestRecord): void {
  host.write(FILE, `${JSON.stringify(record, null, 2)}\n`);
}

export function readRecord(host: Host): TestRecord | undefined {
  try {
    const record: unknown = JSON.parse(host.read(FILE) ?? '');
    return isTestRecord(record) ? record : undefined;
  } catch {
    return undefined; // none, or one that somebody damaged
  }
}

function isTestRecord(value: unknown): value is TestRecord {
  if (!isRecord(value) || typeof value.bootId !== 'string' || !isTextList(value.dumps)) return false;
  const { time, tested } = value;
  const isTime = typeof time === 'string' && !Number.isNaN(Date.parse(time));
  return isTime && (tested === undefined || isRecord(tested));
}

/**
 * @param dumps those that exist now.
 * @param subject what a crash would test now; without it, nothing is said about changes.
 */
export function judgeTest(
  record: TestRecord,
  currentBootId: string,
  dumps: readonly Dump[],
  subject?: TestSubject,
): TestResult {
  const changed = record.tested && subject ? changedParts(record.tested, subject) : [];
  const result = outcomeOf(record, currentBootId, dumps);
  if (!result.passed || changed.length === 0) return { ...result, changed };
  const verb = changed.length === 1 ? 'has' : 'have';
  return {
    ...result,
    changed,
    text: `${result.text}, but ${inWords(changed)} ${verb} changed since: run \`kdumpling test\` again`,
  };
}

function outcomeOf(
  record: TestRecord,
  currentBootId: string,
  dumps: readonly Dump[],
): Omit<TestResult, 'changed'> {
  if (record.bootId === currentBootId)
    return {
      passed: false,
      text: `the test of ${record.time} did not crash this machine: it has not rebooted since`,
    };
  const since = new Date(record.time).getTime() - CLOCK_SLACK_MS;
  const dump = dumps.find(({ id, time }) => !record.dumps.includes(id) && time.getTime() >= since);
  if (!dump) {
    return {
      passed: false,
      text: `the test of ${record.time} left no dump: the machine rebooted without a capture, or the capture could not write; see its serial console for the reason`,
    };
  }
  if (dump.state !== 'complete')
    return {
      passed: false,
      text: `the test of ${record.time} left ${dump.id}, which is ${dump.state}: ${dump.why}`,
      dump,
    };
  return { passed: true, text: `the test of ${record.time} was captured: ${dump.id}`, dump };
}

/** `a`, `a and b`, `a, b and c`. */
function inWords(names: readonly string[]): string {
  return names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
}
