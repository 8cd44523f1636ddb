/** `npm run crash`: crashes machines in one way or in many, and says what was saved. */
import { writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { counted } from '../capture/errors.ts';
import { badValue, EXIT, type Given, runCommand, wholeNumber } from '../scripts/lib/cli/command.ts';
import { CRASH_OPTIONS, type PlannedCell, planCell } from './lab/cell.ts';
import { projectCommit } from './lab/commit.ts';
import { consoleLines } from './lab/console.ts';
import { junit, tap } from './lab/formats.ts';
import { impossibleCrashes } from './lab/impossible.ts';
import { hasPassed, type Journal, openJournal } from './lab/journal.ts';
import { type Lab, openLab } from './lab/lab.ts';
import { listOfAxes } from './lab/list.ts';
import { describeLoss } from './lab/loss.ts';
import { MATRICES, planMatrix } from './lab/matrix.ts';
import { readMachineOptions } from './lab/options.ts';
import { describeCapture, describeCheck } from './lab/report.ts';
import { type CellResult, runCells } from './lab/suite.ts';
import { qemuVersion } from './machine/accel.ts';
import { matrixResults } from './results/matrix-results.ts';
import { publishResults } from './results/publish.ts';
import { RUNS } from './run/directory.ts';

const TAIL_LINES = 40;

const OPTIONS = {
  matrix: {
    value: 'NAME|FILE',
    help: `many crashes: ${MATRICES.map(({ name }) => name).join(', ')}, or a JSON file with a list of crashes, each with options by name`,
  },
  resume: { help: 'leave out the crashes of the matrix that passed in earlier runs of one' },
  parallel: { value: 'N', default: '1', help: 'machines that run side by side' },
  results: {
    value: 'FILE',
    help: 'with --matrix: keep the verdicts of all its crashes in FILE, as Markdown',
  },
  junit: { value: 'FILE', help: 'write the verdicts as JUnit XML' },
  tap: { help: 'print the verdicts as TAP, and all else on stderr' },
  list: { help: 'list every axis, with a line on each value' },
  ...CRASH_OPTIONS,
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
    const all = readCells(given);
    const ofMatrix = given.matrix !== undefined;
    const journal = ofMatrix ? openJournal(join(RUNS, 'matrix.json'), projectCommit()) : undefined;
    const isDone = ({ title }: PlannedCell) =>
      given.resume && journal !== undefined && hasPassed(journal, title);
    const cells = all.filter(cell => !isDone(cell));
    const lab = await openLab(readMachineOptions(given), say);
    const showsConsole = atOnce === 1;
    const results: CellResult[] = [];
    try {
      await runCells(lab, cells, atOnce, {
        signal,
        isDone,
        onStart: ({ title, insteadOf }, { kernel: { release } }) => {
          const other = insteadOf === undefined ? '' : `; it is not for ${insteadOf}, which was asked for`;
          say(`\ncrashing ${title} (${release}${other}) …`);
        },
        onAgain: ({ title }, why) => say(`crashing ${title} once more: ${why}`),
        onConsoleLine: showsConsole ? consoleLines(given.console, say) : undefined,
        onVerdict: (own, verdict) => {
          const { checks } = verdict;
          if (showsConsole && cells.length === 1) say(describeCapture(own, verdict));
          else if (showsConsole) say(checks.map(describeCheck).join('\n'));
        },
        onResult: (result, error) => {
          results.push(result);
          if (showsConsole && error) console.error(describeLoss(error, TAIL_LINES));
          journal?.add(result);
          if (journal && given.results !== undefined) writeMatrixResults(given, all, journal, lab);
          say(lineOf(result));
        },
      });
    } finally {
      // Also after Ctrl-C: what came to an end by then is not lost.
      if (given.tap) console.log(tap(results, signal.aborted));
      if (given.junit !== undefined) writeFileSync(given.junit, junit(results));
      if (journal && given.results !== undefined) writeMatrixResults(given, all, journal, lab);
      const page = relative(process.cwd(), publishResults(RUNS));
      say(`\n${summaryOf(results)}; see ${page}`);
      if (signal.aborted && ofMatrix) say(goesOn(results.length, cells.length));
    }
    return results.every(({ verdict }) => verdict === 'passed') ? EXIT.done : EXIT.failed;
  },
});

function readCells(given: Given<typeof OPTIONS>): PlannedCell[] {
  if (given.results !== undefined && given.matrix === undefined) {
    throw badValue('results', given.results, '--matrix with it');
  }
  if (given.matrix === undefined) return [planCell({}, given)];
  const cells = planMatrix(given.matrix, given);
  if ('path' in readMachineOptions(given).kernel && cells.some(({ choice }) => !('path' in choice.kernel))) {
    throw badValue('matrix', given.matrix, 'one that names no kernels, with your own as --kernel or --disk');
  }
  return cells;
}

function writeMatrixResults(
  { matrix, results }: Given<typeof OPTIONS>,
  cells: readonly PlannedCell[],
  journal: Journal,
  { accel, choice: { architecture } }: Lab,
): void {
  const facts = {
    accel,
    qemu: qemuVersion(),
    today: new Date(),
    impossible: impossibleCrashes(architecture),
  };
  writeFileSync(results, matrixResults({ matrix, cells, entries: journal.entries(), ...facts }));
}

function lineOf({ title, verdict, seconds, reasons }: CellResult): string {
  const why = reasons.length > 0 ? `: ${reasons.join('; ')}` : '';
  return `${verdict.toUpperCase()} ${title}, ${seconds.toFixed(0)} s${why}`;
}

function goesOn(done: number, planned: number): string {
  return `interrupted after ${done} of ${counted(planned, 'crash', 'crashes')}; the same command with --resume makes the others`;
}

function summaryOf(results: readonly CellResult[]): string {
  const counts = (['passed', 'failed', 'lost'] as const).map(
    verdict => `${results.filter(one => one.verdict === verdict).length} ${verdict}`,
  );
  return counts.join(', ');
}
