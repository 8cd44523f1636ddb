/** The crashed kernel's log, read out of its memory: as lines, and on the console where no disk takes it. */

import { attempt, describeError } from '../errors.ts';
import type { System } from '../init/system.ts';
import type { Crash } from '../kernel/crash.ts';
import { dmesgLines } from '../kernel/dmesg-text.ts';
import { PanicFinder } from '../kernel/panic-line.ts';
import type { Log } from '../log.ts';
import { BEGIN_MARK, ConsoleLog } from '../storage/place/console-log.ts';

/** @throws when there is no way to its memory. What is odd about the log itself is a warning. */
export function* logLines(crash: Crash, log: Log, finder: PanicFinder): Generator<string> {
  if (!crash.memory) throw new Error('the crashed kernel’s addresses cannot be translated (see above)');
  const warnings: string[] = [];
  for (const line of dmesgLines(crash.memory, crash.vmcore.vmcoreinfo, warnings)) {
    finder.add(line);
    yield line;
  }
  for (const warning of warnings) log.warn('dmesg', warning);
}

/** Where no disk takes it, the serial console is the last place for the kernel's log. */
export function showLogOnConsole(crash: Crash, log: Log, system: Pick<System, 'quietKernel'>): void {
  attempt(
    () => system.quietKernel(),
    error => log.warn('dmesg', describeError(error)),
  );
  log.say('dmesg', BEGIN_MARK);
  const shown = new ConsoleLog(text => log.show(text));
  try {
    for (const line of logLines(crash, log, new PanicFinder())) shown.add(line);
  } catch (error) {
    log.warn('dmesg', describeError(error));
  }
  log.say('dmesg', shown.endMark());
}
