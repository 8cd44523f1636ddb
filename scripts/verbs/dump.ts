/** `kdumpling dump`: the capture engine on a file, with makedumpfile's flags and order of arguments. */
import { PROGRAM } from '../../capture/version.ts';
import { type Command, EXIT } from '../lib/cli/command.ts';
import { DUMP_OPTIONS, readRequest } from '../lib/dump/arguments.ts';
import { dumpDmesg } from '../lib/dump/dmesg.ts';
import { dumpElf } from '../lib/dump/elf.ts';
import { dumpFirstPages, dumpKdump } from '../lib/dump/kdump.ts';
import { type Messages, openMessages } from '../lib/dump/messages.ts';
import { rearrangeDump } from '../lib/dump/rearrange.ts';
import type { DumpRequest } from '../lib/dump/request.ts';
import { withRetries } from '../lib/dump/size-limit.ts';
import { dumpSplit, reassembleDump } from '../lib/dump/split.ts';

export const dump: Command<typeof DUMP_OPTIONS> = {
  name: 'kdumpling dump',
  purpose: "Makes a small dump of a vmcore, with makedumpfile's flags.",
  positionals: ['VMCORE', 'OUT'],
  options: DUMP_OPTIONS,
  async run(given, signal) {
    const request = readRequest(given);
    await carryOut(request, openMessages(request.messages, !request.flattened), signal);
    return EXIT.done;
  },
};

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
        one => dumpKdump(one, messages, signal),
        one => dumpFirstPages(one, messages, signal),
      );
  }
}
