/** `kdumpling dump -E`: writes an ELF core. */

import { elfSteps } from '../../../capture/elf/writer.ts';
import { describeDumpLevel } from '../../../capture/filter/dump-level.ts';
import { choosePages } from '../../../capture/kdump/write/input.ts';
import { shortfallOf } from '../../../capture/vmcore/shortfall.ts';
import { UsageError } from '../cli/command.ts';
import { openCrashFile } from './crash-file.ts';
import { isIncomplete, requireComplete } from './incomplete.ts';
import { leaveOutPartialPages } from './kdump.ts';
import type { Messages } from './messages.ts';
import { withTarget } from './output.ts';
import { type DumpRequest, nameOfTarget } from './request.ts';
import { runSteps } from './steps.ts';

export async function dumpElf(request: DumpRequest, messages: Messages, signal: AbortSignal): Promise<void> {
  const { crash, isVmcore, pagesMissing, damage } = openCrashFile(request, messages);
  if (!isVmcore) {
    throw new UsageError('ELF_FROM_KDUMP', {
      action: `use -E on ${request.vmcore}`,
      actual: 'it is kdump-compressed and so lacks the virtual addresses of an ELF core',
      wanted: 'a vmcore',
    });
  }
  const { bitmap2, dumpLevel, warnings, lacksMemory } = choosePages(crash, request.dumpLevel);
  for (const warning of warnings) messages.warn(warning);
  messages.debug(`dump level ${describeDumpLevel(dumpLevel)}`);
  const shortfall = shortfallOf(crash.vmcore, bitmap2.sizeBits);
  leaveOutPartialPages(crash.vmcore, shortfall, bitmap2);
  const state = { shortfall, pagesMissingBefore: pagesMissing, damage, lacksMemory };
  const input = { vmcore: crash.vmcore, bitmap2, dumpLevel, isInputIncomplete: isIncomplete(state) };
  const events = { onProgress: messages.progress, onWarning: messages.warn };
  const counts = await withTarget(request, signal, sink => runSteps(elfSteps(input, sink, events), signal));
  messages.say(
    `${nameOfTarget(request)}: ${counts.pagesWished - counts.pagesZero} pages in ${counts.loads} PT_LOADs; ` +
      `${(counts.bytesWritten / 1e6).toFixed(1)} MB`,
  );
  messages.report(JSON.stringify(counts));
  requireComplete(request, state, counts);
}
