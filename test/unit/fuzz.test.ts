/** A short run of the fuzzer (`npm run fuzz` runs it for longer): the same cases every time. And that it catches what is wrong. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { runCase } from '../fuzz/cases.ts';
import { CONTROLS } from '../fuzz/controls.ts';
import { KINDS } from '../fuzz/kinds.ts';
import { type Finding, fuzz } from '../fuzz/run.ts';

const SEED = 20261121;
const BUDGET_MS = 2500;
const LEAST_CASES = 10;
/** On a machine with no time for more, until one is accepted. */
const MOST_CASES = 500;
const MOST_BYTES = 512e6;

const folder = mkdtempSync(join(tmpdir(), 'kdumpling-fuzz-unit-'));
afterAll(() => rmSync(folder, { recursive: true }));

test.each(KINDS)('hostile input: $name', { timeout: 120_000 }, async ({ name, open }) => {
  const attacker = await open({ vmcores: [], folder });
  const counts = { read: 0, noticed: 0, refused: 0 };
  const startedMs = performance.now();
  let index = 0;
  const hasTime = () => index < LEAST_CASES || performance.now() - startedMs < BUDGET_MS;
  for (; hasTime() || (counts.read === 0 && index < MOST_CASES); index++) {
    counts[await runCase(attacker, { kind: name, seed: SEED, index })]++;
  }
  console.log(`${name}, seed ${SEED}: ${index} cases, ${JSON.stringify(counts)}`);
  // The damage reaches what it is meant for: not everything is refused at the door, and not everything passes.
  expect(counts.read).toBeGreaterThan(0);
});

describe('a control: the harness catches a reader that', () => {
  async function findingsOf(name: string, cases = 1): Promise<Finding[]> {
    const { findings } = await fuzz({
      kinds: CONTROLS.filter(control => control.name === name),
      seed: SEED,
      from: 0,
      to: cases,
      endMs: Number.MAX_SAFE_INTEGER,
      vmcores: [],
      mostBytes: MOST_BYTES,
      hangMs: name === 'control-hangs' ? 3000 : 60_000,
      signal: new AbortController().signal,
      onFinding: () => {},
    });
    return findings;
  }

  test.each<[string, string, Finding['is'], RegExp]>([
    [
      'throws what is no error of ours',
      'control-throws',
      'wrong',
      /^a control\nTypeError: Cannot read properties/,
    ],
    ['hangs', 'control-hangs', 'hang', /still ran after 3 s/],
    ['takes 600 MB', 'control-hogs', 'memory', /it took \d{3} MB/],
    ['ends the process', 'control-ends', 'end', /the process ended with 0/],
    ['changes Object.prototype', 'control-pollutes', 'wrong', /Object.prototype was changed/],
    ['calls a damaged dump whole', 'control-says-whole', 'wrong', /verify says whole, and /],
  ])('%s', { timeout: 120_000 }, async (_, name, is, text) => {
    const findings = await findingsOf(name, name === 'control-says-whole' ? 5 : 1);
    expect(findings[0]).toMatchObject({
      is,
      text: expect.stringMatching(text),
      case: { kind: name, seed: SEED },
    });
  });

  test('and finds nothing in one that is right', { timeout: 120_000 }, async () => {
    expect(await findingsOf('control-good')).toEqual([]);
  });
});
