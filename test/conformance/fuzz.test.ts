/** The fuzzer on a real vmcore, for as long as a test may take: the same mutants every time. `npm run fuzz` goes on. */
import { expect, test } from 'vitest';
import { openVmcoreFile } from '../../capture/vmcore/reader.ts';
import { runCase } from '../fuzz/cases.ts';
import type { Attacker } from '../fuzz/kind.ts';
import { autopsyAttacker, openAutopsyBase } from '../fuzz/vmcore/autopsy.ts';
import { openBase } from '../fuzz/vmcore/base.ts';
import { vmcoreAttacker } from '../fuzz/vmcore/kind.ts';
import { vmcoreOf } from './vmcores.ts';

const SEED = 20261126;
const BUDGET_MS = 30_000;
const LEAST_CASES = 10;

test.each<[string, (path: string) => Attacker]>([
  ['vmcore', path => vmcoreAttacker([openBase(path, openVmcoreFile(path, undefined))])],
  ['autopsy', path => autopsyAttacker([openAutopsyBase(path)])],
])('mutants of a real vmcore: %s', async (kind, open) => {
  const { vmcore, record } = vmcoreOf('6.1-cloud');
  const attack = open(vmcore);
  const counts = { read: 0, noticed: 0, refused: 0 };
  const startedMs = performance.now();
  let cases = 0;
  for (; cases < LEAST_CASES || performance.now() - startedMs < BUDGET_MS; cases++) {
    counts[await runCase(attack, { kind, seed: SEED, index: cases })]++;
  }
  console.log(`seed ${SEED}: ${cases} mutants of ${record.release}, ${kind}: ${JSON.stringify(counts)}`);
  expect(counts.read).toBeGreaterThan(counts.refused);
});
