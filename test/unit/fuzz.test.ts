/** A short run of the fuzzer (`npm run fuzz` runs it for longer): the same mutants every time. */
import { expect, test } from 'vitest';
import { builtBases } from '../fuzz/bases.ts';
import { runCase } from '../fuzz/cases.ts';

const SEED = 20261121;
const BUDGET_MS = 4000;
const LEAST_CASES = 20;

test('hostile vmcores end in a dump or in a reason', { timeout: 60_000 }, () => {
  const bases = builtBases();
  const counts = { dump: 0, refused: 0 };
  const startedMs = performance.now();
  for (let index = 0; index < LEAST_CASES || performance.now() - startedMs < BUDGET_MS; index++) {
    counts[runCase(bases, { seed: SEED, index })]++;
  }
  console.log(
    `seed ${SEED}: ${counts.dump + counts.refused} mutants, ${counts.dump} dumps, ${counts.refused} refused`,
  );
  expect(counts.dump).toBeGreaterThan(counts.refused);
});
