/** `kdumpling dump`, whatever is asked for. */
import { PROGRAM } from '../../capture/version.ts';
import { dumpCommand } from '../lib/dump/command.ts';
import { dumpDmesg } from '../lib/dump/dmesg.ts';
import { dumpElf } from '../lib/dump/elf.ts';
import { dumpFirstPages, narrowToTriage } from '../lib/dump/first-pages.ts';
import { dumpKdump } from '../lib/dump/kdump.ts';
import type { Messages } from '../lib/dump/messages.ts';
import { rearrangeDump } from '../lib/dump/rearrange.ts';
import type { DumpRequest } from '../lib/dump/request.ts';
import { withRetries } from '../lib/dump/size-limit.ts';
import { dumpSplit, reassembleDump } from '../lib/dump/split.ts';

export const dump = dumpCommand(carryOut);

async function carryOut(request: DumpRequest, messages: Messages, signal: AbortSignal): Promise<void> {
  switch (request.kind) {
    case 'nothing':
      return;
    case 'version':
      return console.log(PROGRAM);
    case 'dmesg':
      return dumpDmesg(request, messages, signal);
    case 'split':
      return withRetries(request, messages, one => dumpSplit(one, messages, signal));
    case 'reassemble':
      return reassembleDump(request, messages, signal);
    case 'rearrange':
      return rearrangeDump(request, messages, signal);
    case 'elf':
      return withRetries(request, messages, one => dumpElf(one, messages, signal));
    case 'kdump':
      return withRetries(
        request,
        messages,
        one => dumpKdump(one, messages, signal, narrowToTriage),
        one => dumpFirstPages(one, messages, signal),
      );
  }
}
