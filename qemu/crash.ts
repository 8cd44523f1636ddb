/** `npm run crash`: crashes a machine with one fault, or with each of them in turn. */
import { EXIT, oneOf, runCommand } from '../scripts/lib/cli/command.ts';
import { FAULTS } from './faults/all.ts';
import type { Fault } from './faults/fault.ts';
import { SOUND } from './faults/sound.ts';
import { GEOMETRIES } from './geometry/all.ts';
import { consoleLines } from './lab/console.ts';
import { crashWith } from './lab/crash.ts';
import { type Lab, openLab } from './lab/lab.ts';
import { describeLoss } from './lab/loss.ts';
import { MACHINE_OPTIONS, readMachineOptions } from './lab/options.ts';
import { describeCapture, describeCheck } from './lab/report.ts';
import { TRIGGERS } from './triggers/triggers.ts';

const TAIL_LINES = 40;
const names = FAULTS.map(({ name }) => name);

await runCommand({
  name: 'npm run crash --',
  purpose: 'Crashes a machine in QEMU, makes the capture go wrong if asked to, and judges what was saved.',
  options: {
    fault: { value: 'NAME', default: SOUND.name, help: 'what goes wrong: a fault that --list shows' },
    matrix: { help: 'run every fault, one after another' },
    list: { help: 'list faults, memory geometries and triggers, a line each' },
    ...MACHINE_OPTIONS,
  },
  async run(given, signal) {
    if (given.list) {
      console.log(listOf('--fault', FAULTS));
      console.log(listOf('\n--geometry', GEOMETRIES));
      console.log(listOf('\n--trigger', TRIGGERS));
      return EXIT.done;
    }
    const fault = oneOf('fault', given.fault, names);
    const faults = given.matrix ? FAULTS : FAULTS.filter(({ name }) => name === fault);
    const choice = readMachineOptions(given);
    const lab = await openLab(choice, console.log);
    const failed: string[] = [];
    for (const one of faults) {
      signal.throwIfAborted();
      if (!(await crashAndTell(lab, one, signal))) failed.push(one.name);
    }
    console.log(`\n${faults.length - failed.length} passed, ${failed.length} failed`);
    if (failed.length > 0) console.error(`failed: ${failed.join(', ')}`);
    return failed.length === 0 ? EXIT.done : EXIT.failed;
  },
});

function listOf(option: string, rows: readonly { readonly name: string; readonly help: string }[]): string {
  const width = Math.max(...rows.map(({ name }) => name.length)) + 2;
  return [option, ...rows.map(({ name, help }) => `  ${name.padEnd(width)}${help}`)].join('\n');
}

async function crashAndTell(lab: Lab, fault: Fault, signal: AbortSignal): Promise<boolean> {
  const { geometry, trigger } = lab.choice;
  const axes = `geometry ${geometry.name}, trigger ${trigger.name}, fault ${fault.name}`;
  console.log(`\ncrashing ${lab.kernel.release}: ${axes} (${fault.help}) …`);
  try {
    const verdict = await crashWith(lab, fault, {
      signal,
      onConsoleLine: consoleLines(lab.choice.showConsole),
    });
    console.log(
      fault === SOUND ? describeCapture(lab, verdict) : verdict.checks.map(describeCheck).join('\n'),
    );
    return verdict.verdict === 'passed';
  } catch (error) {
    if (signal.aborted) throw error;
    console.error(describeLoss(error, TAIL_LINES));
    return false;
  }
}
