/** `npm run fuzz`: hostile input of every kind for as long as wanted. A counterexample is left as a command that makes it again. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openCache } from '../../build/cache.ts';
import { PROJECT } from '../../build/paths.ts';
import { counted } from '../../capture/errors.ts';
import { preparedVmcores } from '../../qemu/vmcores/vmcores.ts';
import { EXIT, oneOf, runCommand, wholeNumber } from '../../scripts/lib/cli/command.ts';
import { tableLines } from '../../scripts/lib/cli/table.ts';
import { commandFor } from './cases.ts';
import { KINDS, KINDS_OF_REAL_VMCORES } from './kinds.ts';
import { type Counts, type Finding, fuzz } from './run.ts';

const MOST_CASES = 2 ** 40;
const MOST_BYTES = 512e6;

await runCommand({
  name: 'npm run fuzz --',
  purpose:
    'Gives damaged input of every kind to what reads it: dumps, streams, manifests, state files, logs. A kind, a seed and a number identify each case.',
  options: {
    seconds: { value: 'N', help: 'run for this long (default: 60 without --cases)' },
    cases: { value: 'N', help: 'run this many cases' },
    kind: { value: 'NAME', help: `only this kind: ${KINDS.map(({ name }) => name).join(', ')}` },
    seed: { value: 'S', help: 'the seed of the cases (default: random)' },
    case: { value: 'N', help: 'the number of the only case to run; needs --kind and --seed' },
    vmcores: { help: 'real vmcores of `npm run vmcores` too, and the kind `autopsy`' },
  },
  async run(given, signal) {
    const seed = given.seed
      ? wholeNumber('seed', given.seed, 0, 2 ** 31)
      : Math.floor(Math.random() * 2 ** 31);
    const all = given.vmcores ? [...KINDS, ...KINDS_OF_REAL_VMCORES] : KINDS;
    const names = all.map(({ name }) => name);
    const kinds = given.kind ? all.filter(({ name }) => name === oneOf('kind', given.kind, names)) : all;
    const only = given.case === undefined ? undefined : wholeNumber('case', given.case, 0, MOST_CASES);
    const cases = given.cases === undefined ? undefined : wholeNumber('cases', given.cases, 1, MOST_CASES);
    const seconds =
      given.seconds === undefined ? undefined : wholeNumber('seconds', given.seconds, 1, 30 * 86400);
    const vmcores = given.vmcores ? preparedVmcores(openCache()).map(({ vmcore }) => vmcore) : [];
    console.log(`seed ${seed}; ${counted(kinds.length, 'kind')}, ${counted(vmcores.length, 'real vmcore')}`);
    const startedMs = Date.now();
    const limit = seconds ?? (cases === undefined && only === undefined ? 60 : undefined);
    const { counts, findings } = await fuzz({
      kinds,
      seed,
      from: only ?? 0,
      to: only === undefined ? (cases ?? MOST_CASES) : only + 1,
      endMs: limit === undefined ? Number.MAX_SAFE_INTEGER : startedMs + limit * 1000,
      vmcores,
      // The files of real vmcores are mapped, and count.
      mostBytes: vmcores.length > 0 ? 3 * MOST_BYTES : MOST_BYTES,
      signal,
      onFinding: leave,
    });
    show(counts);
    console.log(
      `${total(counts)} cases in ${((Date.now() - startedMs) / 1000).toFixed(0)} s, ${findings.length} wrong`,
    );
    return findings.length === 0 ? EXIT.done : EXIT.failed;
  },
});

/** Shows it, and leaves it as a file. */
function leave({ case: of, is, text }: Finding): void {
  const again = commandFor(of);
  const whole = `${is}: kind ${of.kind}, seed ${of.seed}, case ${of.index}: ${text}\nagain: ${again}`;
  console.log(`\n${whole}`);
  const dir = join(PROJECT, 'fuzz-findings');
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, `${of.kind}-seed-${of.seed}-case-${of.index}.txt`), `${whole}\n`);
}

function show(counts: Counts): void {
  const rows = [...counts].map(([kind, { cases, outcomes, seconds, slowestMs, peakBytes }]) => [
    kind,
    `${cases}`,
    `${outcomes.refused}`,
    `${outcomes.noticed}`,
    `${outcomes.read}`,
    `${outcomes.failed}`,
    seconds.toFixed(0),
    slowestMs.toFixed(0),
    (peakBytes / 1e6).toFixed(0),
  ]);
  const head = ['kind', 'cases', 'refused', 'noticed', 'read', 'wrong', 'seconds', 'slowest ms', 'peak MB'];
  for (const line of tableLines([head, ...rows], { columns: 200 })) console.log(line);
}

function total(counts: Counts): number {
  return [...counts.values()].reduce((sum, { cases }) => sum + cases, 0);
}
