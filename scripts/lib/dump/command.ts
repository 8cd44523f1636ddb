/** `kdumpling dump`: the capture engine on a file, with makedumpfile's flags and order of arguments. */
import { type Command, EXIT } from '../cli/command.ts';
import { DUMP_OPTIONS, readRequest } from './arguments.ts';
import { type Messages, openMessages } from './messages.ts';
import type { DumpRequest } from './request.ts';

export type CarryOut = (request: DumpRequest, messages: Messages, signal: AbortSignal) => Promise<void>;

export function dumpCommand(carryOut: CarryOut): Command<typeof DUMP_OPTIONS> {
  return {
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
}
