/** What `show` reports: whether a crash would be captured now, and what was captured before. */
import { type Finding, findingsOf } from '../arming/checks.ts';
import { type Facts, readFacts } from '../arming/facts.ts';
import { type Dump, findDumps, type IgnoredDump } from '../dumps/dumps.ts';
import type { Host } from '../host/host.ts';
import { readSysctls, type SysctlState } from '../host/sysctls.ts';
import { dumpDirectories } from '../storage/host-target.ts';
import { bootId, judgeTest, readRecord, type TestResult } from './test-record.ts';
import { subjectOf } from './test-subject.ts';

export interface State {
  readonly facts: Facts;
  /** This boot reserved memory. */
  readonly ready: boolean;
  readonly findings: readonly Finding[];
  readonly sysctls: readonly SysctlState[];
  readonly dumps: readonly Dump[];
  /** What looks like a dump and is not used. */
  readonly ignored: readonly IgnoredDump[];
  /** The result of the last `kdumpling test`. */
  readonly test?: TestResult;
  /** A crash would be captured. */
  readonly armed: boolean;
}

export function readState(host: Host): State {
  const facts = readFacts(host);
  const findings = findingsOf(facts);
  const { dumps, ignored } = findDumps(host, ...(facts.target ? dumpDirectories(host, facts.settings) : []));
  const test = readRecord(host);
  return {
    facts,
    ready: facts.commandLineHas && facts.reserved.bytes > 0,
    findings,
    sysctls: readSysctls(host),
    dumps,
    ignored,
    test: test && judgeTest(test, bootId(host), dumps, subjectOf(facts)),
    armed: !findings.some(({ blocks }) => blocks),
  };
}
