/** `npm run smallest`: the smallest `crashkernel=` for each layout, kernel and speed, as a table. */
import { join } from 'node:path';
import { describeError, Failure } from '../../capture/errors.ts';
import { LAYOUTS } from '../../initrd/layouts.ts';
import { EXIT, oneOf, runCommand, wholeNumber } from '../../scripts/lib/cli/command.ts';
import { readManifest } from '../expect/manifest.ts';
import { FAULTS } from '../faults/all.ts';
import type { Fault } from '../faults/fault.ts';
import { asFastAs } from '../faults/speed.ts';
import { captureCommit } from '../lab/commit.ts';
import { crashWith } from '../lab/crash.ts';
import { type Lab, openLab } from '../lab/lab.ts';
import { readMachineOptions } from '../lab/options.ts';
import { labArch } from '../machine/arch.ts';
import { RUNS } from '../run/directory.ts';
import { across } from './across.ts';
import { openSearchJournal, type SearchJournal, type SizedCapture } from './journal.ts';
import { checkSearchable, MACHINE, unusualMachine } from './machine.ts';
import { type Attempt, type Cell, type Found, searchSmallest, searchTable, whyNot } from './search.ts';

const KERNELS = ['6.1-cloud', '6.12-cloud', '7.x-cloud', '6.1-generic', '6.12-cloud-arm64'];
const FAULT_OF = { 'self-contained': 'none', lean: 'lean' } as const;

await runCommand({
  name: 'npm run smallest --',
  purpose:
    'Searches the smallest crashkernel= with which the lab’s machine is captured, for each layout, kernel, architecture and speed, and prints a table.',
  options: {
    ...MACHINE,
    kernels: {
      value: 'LIST',
      default: KERNELS.join(','),
      help: 'stock Debian kernels, as --kernel of npm run crash',
    },
    layouts: { value: 'LIST', default: LAYOUTS.join(','), help: 'where Node is' },
    speeds: { value: 'LIST', default: '1,20', help: 'emulate a machine that is so many times as fast' },
    from: { value: 'MIB', default: '160', help: 'the first reservation' },
    step: { value: 'MIB', default: '16', help: 'how much less the next one is' },
    runs: { value: 'N', default: '1', help: 'so many captures in a row of the smallest size must come home' },
    across: {
      help: 'put each reservation across a multiple of 128 MiB, where the crash kernel has 2 MiB less',
    },
    resume: {
      help: 'count the captures that earlier searches made of the same machine with the same code (lab-runs/smallest.json)',
    },
  },
  async run(given, signal) {
    checkSearchable(given);
    const list = (text: string) => text.split(',').filter(word => word !== '');
    const kernels = list(given.kernels);
    const layouts = list(given.layouts).map(layout => oneOf('layouts', layout, LAYOUTS));
    const speeds = list(given.speeds).map(speed => wholeNumber('speeds', speed, 1, 1000));
    const steps = {
      fromMib: wholeNumber('from', given.from, 32, 4096),
      stepMib: wholeNumber('step', given.step, 1, 1024),
      runs: wholeNumber('runs', given.runs, 1, 100),
    };
    const origin = { commit: captureCommit(), machine: unusualMachine(given) };
    const journal = openSearchJournal(join(RUNS, 'smallest.json'), origin);
    const results: Found[] = [];
    for (const kernel of kernels) {
      const lab = await openLab(readMachineOptions({ ...given, kernel, crashkernel: '192M' }), console.log);
      const { architecture } = lab.choice;
      for (const layout of layouts) {
        for (const speed of speeds) {
          const found = await searchSmallest(
            { kernel, architecture, layout, speed, across: given.across },
            steps,
            (cell, mib, run) => {
              const earlier = given.resume ? journal.cameHome(cell, mib)[run - 1] : undefined;
              return report({ cell, mib, run }, earlier, () =>
                capture(lab, { cell, mib, run }, { journal, signal }),
              );
            },
          );
          results.push(found);
          console.log(`\n${searchTable(results)}\n`);
        }
      }
    }
    return results.every(({ smallestMib }) => smallestMib !== undefined) ? EXIT.done : EXIT.failed;
  },
});

interface Size {
  readonly cell: Cell;
  readonly mib: number;
  readonly run: number;
}

async function report(
  { cell, mib, run }: Size,
  earlier: SizedCapture | undefined,
  make: () => Promise<Attempt>,
): Promise<Attempt> {
  const one = earlier ?? (await make());
  const size = `${mib}M${cell.across ? ' across 128 MiB' : ''}`;
  const where = `${cell.kernel} ${cell.architecture} ${cell.layout}, speed ${cell.speed}, ${size}, run ${run}`;
  const how = earlier ? `: made at ${earlier.at}` : one.why ? `: ${one.why}` : '';
  console.log(`  ${one.cameHome ? '✓' : '✗'} ${where}${how}`);
  return one;
}

async function capture(
  lab: Lab,
  { cell, mib }: Size,
  { journal, signal }: { readonly journal: SearchJournal; readonly signal: AbortSignal },
): Promise<Attempt> {
  signal.throwIfAborted();
  const sized = { ...lab, choice: { ...lab.choice, crashkernel: `${mib}M` } };
  const fault = cell.across ? across(faultOf(cell), mib, labArch(lab.parts.platform.node)) : faultOf(cell);
  const one = await captureOnce(sized, fault, signal);
  journal.add(cell, mib, one);
  return one;
}

function faultOf({ layout, speed }: Cell): Fault {
  const fault = FAULTS.find(({ name }) => name === FAULT_OF[layout])!;
  return { ...fault, beforeNode: asFastAs(speed) };
}

async function captureOnce(lab: Lab, fault: Fault, signal: AbortSignal): Promise<Attempt> {
  try {
    const { verdict, checks, run } = await crashWith(lab, fault, { signal });
    const failed = checks.find(({ holds }) => !holds);
    if (verdict === 'passed') return { cameHome: true, memory: readManifest(run.dumps[0]!)?.memory };
    return { cameHome: false, why: whyNot(run.lines.map(({ text }) => text)) ?? failed?.what };
  } catch (error) {
    if (signal.aborted || !(error instanceof Failure)) throw error;
    return { cameHome: false, why: describeError(error) };
  }
}
