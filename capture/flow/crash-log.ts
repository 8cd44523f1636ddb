/** The crashed kernel's log, read from its memory: as lines, and on the console where no disk takes it. */
import { attempt, describeError, KernelError } from '../errors.ts';
import type { System } from '../init/system.ts';
import type { Crash } from '../kernel/crash.ts';
import { dmesgLines } from '../kernel/dmesg-text.ts';
import { PanicFinder } from '../kernel/panic-line.ts';
import type { Log } from '../log.ts';
import { BEGIN_MARK, ConsoleLog } from '../storage/place/console-log.ts';

/** @throws KernelError when the kernel's memory cannot be read. Damage in the log itself is a warning. */
export function* logLines(crash: Crash, log: Log, finder: PanicFinder): Generator<string> {
  if (!crash.memory) {
    throw new KernelError('NO_TRANSLATION', {
      action: "read the crashed kernel's log",
      actual: 'its virtual addresses cannot be translated; an earlier warning says why',
    });
  }
  const warnings: string[] = [];
  for (const line of dmesgLines(crash.memory, crash.vmcore.vmcoreinfo, warnings)) {
    finder.add(line);
    yield line;
  }
  for (const warning of warnings) log.warn('dmesg', warning);
}

/** The serial console is the last place for the kernel log. Never throws. */
export function showLogOnConsole(crash: Crash, log: Log, system: Pick<System, 'quietKernel'>): void {
  const warn = (error: unknown) => log.warn('dmesg', describeError(error));
  attempt(() => system.quietKernel(), warn);
  log.say('dmesg', BEGIN_MARK);
  const shown = new ConsoleLog(text => log.show(text));
  attempt(() => {
    for (const line of logLines(crash, log, new PanicFinder())) shown.add(line);
  }, warn);
  log.say('dmesg', shown.endMark());
}
