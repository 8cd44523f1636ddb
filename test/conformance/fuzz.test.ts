/** The fuzzer on a real vmcore, for as long as a test may take: the same mutants every time. `npm run fuzz` goes on. */
import { expect, test } from 'vitest';
import { openVmcoreFile } from '../../capture/vmcore/reader.ts';
import { runCase } from '../fuzz/cases.ts';
import { openBase } from '../fuzz/vmcore/base.ts';
import { vmcoreAttacker } from '../fuzz/vmcore/kind.ts';
import { vmcoreOf } from './vmcores.ts';

const SEED = 20261126;
const BUDGET_MS = 30_000;
const LEAST_CASES = 10;

test('mutants of a real vmcore end in a dump or in a reason', async () => {
  const { vmcore, record } = vmcoreOf('6.1-cloud');
  const source = openVmcoreFile(vmcore, undefined);
  const attack = vmcoreAttacker([openBase(record.release, source)]);
  const counts = { read: 0, noticed: 0, refused: 0 };
  const startedMs = performance.now();
  for (let index = 0; index < LEAST_CASES || performance.now() - startedMs < BUDGET_MS; index++) {
    counts[await runCase(attack, { kind: 'vmcore', seed: SEED, index })]++;
  }
  source.close();
  console.log(
    `seed ${SEED}: ${counts.read + counts.refused} mutants of ${record.release}, ${counts.read} dumps, ${counts.refused} refused`,
  );
  expect(counts.read).toBeGreaterThan(counts.refused);
});
