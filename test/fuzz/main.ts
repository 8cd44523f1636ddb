/** `npm run fuzz`: hostile vmcores for as long as wanted. A counterexample is left as a line that makes it again. */

import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { openCache } from '../../build/cache.ts';
import { PROJECT } from '../../build/paths.ts';
import { counted } from '../../capture/errors.ts';
import { preparedVmcores } from '../../qemu/vmcores/vmcores.ts';
import { EXIT, runCommand, wholeNumber } from '../../scripts/lib/cli/command.ts';
import type { Case } from './cases.ts';
import type { FuzzCounts, FuzzMessage, FuzzWork } from './worker.ts';

/** A mutant of a real vmcore that keeps all of its memory takes some seconds here. */
const HANG_MS = 90_000;

interface FuzzResult {
  readonly counts: FuzzCounts;
  readonly failure?: { readonly case: Case; readonly text: string };
}

await runCommand({
  name: 'npm run fuzz --',
  purpose: 'Captures from vmcores that are damaged in every way. A seed and a number identify each one.',
  options: {
    seconds: { value: 'N', default: '60', help: 'run for this long' },
    seed: { value: 'S', help: 'the seed of the mutants (default: random)' },
    case: { value: 'N', default: '0', help: 'the number of the first mutant; with --seconds 0 the only one' },
    built: { help: 'only mutants of built vmcores, not of those from `npm run vmcores`' },
  },
  async run(given, signal) {
    const seconds = wholeNumber('seconds', given.seconds, 0, 30 * 86400);
    const seed = given.seed
      ? wholeNumber('seed', given.seed, 0, 2 ** 31)
      : Math.floor(Math.random() * 2 ** 31);
    const firstIndex = wholeNumber('case', given.case, 0, 2 ** 40);
    const vmcores = given.built ? [] : preparedVmcores(openCache()).map(({ vmcore }) => vmcore);
    console.log(`seed ${seed}; ${counted(vmcores.length, 'real vmcore')} and the built ones`);
    const endMs = Date.now() + Math.max(1, seconds * 1000);
    const startedMs = Date.now();
    const { counts, failure } = await fuzz({ seed, firstIndex, endMs, vmcores }, signal);
    const total = counts.dump + counts.refused;
    const took = ((Date.now() - startedMs) / 1000).toFixed(0);
    const peakMb = Math.round(process.resourceUsage().maxRSS / 1024);
    console.log(
      `${total} mutants in ${took} s: ${counts.dump} dumps, ${counts.refused} refused; peak RSS ${peakMb} MB`,
    );
    if (!failure) return EXIT.done;
    console.log(failure.text);
    const dir = join(PROJECT, 'fuzz-findings');
    mkdirSync(dir, { recursive: true });
    const path = join(dir, `seed-${failure.case.seed}-case-${failure.case.index}.txt`);
    const again = `npm run fuzz -- --seconds 0 --seed ${failure.case.seed} --case ${failure.case.index}${given.built ? ' --built' : ''}`;
    writeFileSync(path, `${again}\n\n${failure.text}\n`);
    console.log(`again: ${again}\nwritten to ${path}`);
    return EXIT.failed;
  },
});

function fuzz(work: FuzzWork, signal: AbortSignal): Promise<FuzzResult> {
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData: work });
  let running: Case = { seed: work.seed, index: work.firstIndex };
  let counts: FuzzCounts = { dump: 0, refused: 0 };
  let aliveMs = Date.now();
  return new Promise<FuzzResult>((resolve, reject) => {
    const watch = setInterval(() => {
      if (Date.now() - aliveMs < HANG_MS) return;
      const text = `seed ${running.seed}, case ${running.index}: still runs after ${HANG_MS / 1000} s`;
      end({ counts, failure: { case: running, text } });
    }, 1000);
    const stop = () => end({ counts });
    const end = (result: FuzzResult): void => {
      clearInterval(watch);
      signal.removeEventListener('abort', stop);
      void worker.terminate().then(() => resolve(result), reject);
    };
    signal.addEventListener('abort', stop, { once: true });
    worker.on('message', (message: FuzzMessage) => {
      aliveMs = Date.now();
      counts = message.counts;
      if (message.kind === 'began') running = message.case;
      else if (message.kind === 'done') end({ counts });
      else end({ counts, failure: { case: message.case, text: message.text } });
    });
    worker.on('error', error => {
      const text = `seed ${running.seed}, case ${running.index}: the thread ended: ${error.stack}`;
      end({ counts, failure: { case: running, text } });
    });
  });
}
