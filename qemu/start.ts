/** `npm start`: one plain capture from nothing, shown as a person wants to see it. */
import { relative } from 'node:path';
import { EXIT, runCommand } from '../scripts/lib/cli/command.ts';
import { SOUND } from './faults/sound.ts';
import { consoleLines } from './lab/console.ts';
import { crashWith } from './lab/crash.ts';
import { readDump } from './lab/dump-reading.ts';
import { openLab } from './lab/lab.ts';
import { describeLoss, serialTail } from './lab/loss.ts';
import { MACHINE_OPTIONS, readMachineOptions } from './lab/options.ts';
import { describeCapture } from './lab/report.ts';

const TAIL_LINES = 40;

await runCommand({
  name: 'npm start --',
  purpose:
    'Boots a stock Debian kernel in QEMU, panics it, captures the crash, waits for the reboot, and shows what was saved.',
  options: MACHINE_OPTIONS,
  async run(given, signal) {
    const choice = readMachineOptions(given);
    const lab = await openLab(choice, console.log);
    signal.throwIfAborted();
    console.log(`crashing ${lab.kernel.release} …`);
    try {
      const verdict = await crashWith(lab, SOUND, {
        signal,
        onConsoleLine: consoleLines(choice.showConsole),
      });
      console.log(describeCapture(lab, verdict));
      if (verdict.verdict === 'passed') {
        const { stack, page } = readDump(verdict.run.dumps[0]!, verdict.run.directory);
        console.log(
          ['', ...stack, '', `The page of this crash: ${relative(process.cwd(), page)}`].join('\n'),
        );
        return EXIT.done;
      }
      console.error(`\nThe serial log's last lines:\n${serialTail(verdict.run.directory, TAIL_LINES)}`);
      return EXIT.failed;
    } catch (error) {
      if (signal.aborted) throw error;
      console.error(describeLoss(error, TAIL_LINES));
      return EXIT.failed;
    }
  },
});
