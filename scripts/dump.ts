/**
 * `kdumpling dump` for what is asked for most, a dump of a vmcore at a dump level, as a program of its own: whatever else it
 * could do, V8 would read at each start. scripts/lib/cli/program-files.ts tells which command lines are for it.
 */
import { Failure } from '../capture/errors.ts';
import { PROGRAM } from '../capture/version.ts';
import { runCommand } from './lib/cli/command.ts';
import { leave } from './lib/cli/leave.ts';
import { dumpCommand } from './lib/dump/command.ts';
import { dumpKdump } from './lib/dump/kdump.ts';
import type { Messages } from './lib/dump/messages.ts';
import type { DumpRequest } from './lib/dump/request.ts';
import { withRetries } from './lib/dump/size-limit.ts';

async function carryOut(request: DumpRequest, messages: Messages, signal: AbortSignal): Promise<void> {
  const { kind, triage, sizeLimitBytes } = request;
  if (kind === 'version') return console.log(PROGRAM);
  if (kind === 'kdump' && triage === 'no' && sizeLimitBytes === undefined)
    return withRetries(request, messages, one => dumpKdump(one, messages, signal));
  throw new Failure('PLAIN_DUMP', {
    action: 'make a dump',
    actual: 'the wrong program of kdumpling was started',
  });
}

// All that was printed is written when the command has ended, so Node need not take itself apart.
void runCommand(dumpCommand(carryOut), process.argv.slice(3)).then(leave);
