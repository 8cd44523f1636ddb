/** `npm run crash`: crashes machines in one way or in many, and says what was saved. */
import { writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { badValue, EXIT, type Given, oneOf, runCommand, wholeNumber } from '../scripts/lib/cli/command.ts';
import { FAULTS } from './faults/all.ts';
import { SOUND } from './faults/sound.ts';
import { consoleLines } from './lab/console.ts';
import { junit, tap } from './lab/formats.ts';
import { openJournal, passedBefore } from './lab/journal.ts';
import { openLab } from './lab/lab.ts';
import { listOfAxes } from './lab/list.ts';
import { describeLoss } from './lab/loss.ts';
import { type Cell, cellsOf, MATRICES, titleOf } from './lab/matrix.ts';
import { MACHINE_OPTIONS, type MachineChoice, readMachineOptions } from './lab/options.ts';
import { describeCapture, describeCheck } from './lab/report.ts';
import { type CellResult, runCells } from './lab/suite.ts';
import { publishResults } from './results/publish.ts';
import { RUNS } from './run/directory.ts';

const TAIL_LINES = 40;
const faultNames = FAULTS.map(({ name }) => name);

const OPTIONS = {
  fault: { value: 'NAME', default: SOUND.name, help: 'what goes wrong: a fault that --list shows' },
  matrix: {
    value: 'NAME|FILE',
    help: `many crashes: ${MATRICES.map(({ name }) => name).join(', ')}, or a JSON file with a list of {kernel, geometry, trigger, fault}`,
  },
  resume: { help: 'leave out the crashes of the matrix that passed in the last run of one' },
  parallel: { value: 'N', default: '1', help: 'machines that run side by side' },
  junit: { value: 'FILE', help: 'write the verdicts as JUnit XML' },
  tap: { help: 'print the verdicts as TAP, and all else on stderr' },
  list: { help: 'list every axis, with a line on each value' },
  ...MACHINE_OPTIONS,
} as const;

await runCommand({
  name: 'npm run crash --',
  purpose: 'Crashes a machine in QEMU, makes the capture go wrong if asked to, and judges what was saved.',
  options: OPTIONS,
  async run(given, signal) {
    if (given.list) {
      console.log(listOfAxes());
      return EXIT.done;
    }
    const say = given.tap ? console.error : console.log;
    const atOnce = wholeNumber('parallel', given.parallel, 1, 64);
    const choice = readMachineOptions(given);
    const all = readCells(given, choice);
    const journal = join(RUNS, 'matrix.json');
    const before = given.resume ? passedBefore(journal) : new Set<string>();
    const cells = all.filter(({ title }) => !before.has(title));
    const record = given.matrix === undefined ? undefined : openJournal(journal, before);
    const lab = await openLab(choice, say);
    const showsConsole = atOnce === 1;
    const results = await runCells(lab, cells, atOnce, {
      signal,
      onStart: (cell, { kernel }) => say(`\ncrashing ${kernel.release}: ${axesOf(cell)} …`),
      onConsoleLine: showsConsole ? consoleLines(choice.showConsole, say) : undefined,
      onVerdict: (own, verdict) => {
        const { checks } = verdict;
        if (showsConsole && cells.length === 1) say(describeCapture(own, verdict));
        else if (showsConsole) say(checks.map(describeCheck).join('\n'));
      },
      onResult: (result, error) => {
        if (showsConsole && error) console.error(describeLoss(error, TAIL_LINES));
        record?.(result);
        say(lineOf(result));
      },
    });
    if (given.tap) console.log(tap(results));
    if (given.junit !== undefined) writeFileSync(given.junit, junit(results));
    say(`\n${summaryOf(results)}; see ${relative(process.cwd(), publishResults(RUNS))}`);
    return results.every(({ verdict }) => verdict === 'passed') ? EXIT.done : EXIT.failed;
  },
});

type Titled = { readonly cell: Cell; readonly title: string };

function readCells(given: Given<typeof OPTIONS>, { geometry, trigger, kernel }: MachineChoice): Titled[] {
  const fault = oneOf('fault', given.fault, faultNames);
  const base: Cell = { geometry: geometry.name, trigger: trigger.name, fault };
  const cells = given.matrix === undefined ? [base] : cellsOf(given.matrix, base);
  if ('path' in kernel && cells.some(cell => cell.kernel !== undefined)) {
    throw badValue('matrix', given.matrix, 'one that names no kernels, with your own kernel as --kernel');
  }
  return cells.map(cell => ({ cell, title: titleOf({ kernel: given.kernel, ...cell }) }));
}

function axesOf({ geometry, trigger, fault }: Cell): string {
  return `geometry ${geometry}, trigger ${trigger}, fault ${fault}`;
}

function lineOf({ title, verdict, seconds, reasons }: CellResult): string {
  const why = reasons.length > 0 ? `: ${reasons.join('; ')}` : '';
  return `${verdict.toUpperCase()} ${title}, ${seconds.toFixed(0)} s${why}`;
}

function summaryOf(results: readonly CellResult[]): string {
  const counts = (['passed', 'failed', 'lost'] as const).map(
    verdict => `${results.filter(one => one.verdict === verdict).length} ${verdict}`,
  );
  return counts.join(', ');
}
