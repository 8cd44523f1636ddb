/** `kdumpling`, and COS's `kdump_helper` when it is called by that name: finds the verb and runs it. */
import { basename } from 'node:path';
import { type Command, EXIT, runCommand, UsageError } from './lib/cli/command.ts';
import { KDUMP_HELPER } from './lib/cli/program-files.ts';
import { findVerb, verbsHelp } from './verb-table.ts';

async function main([name = 'help', ...rest]: readonly string[]): Promise<void> {
  const program = basename(process.argv[1] ?? '') === KDUMP_HELPER ? KDUMP_HELPER : 'kdumpling';
  const verb = findVerb(program, name);
  if (!verb) return runCommand(withoutVerb(program, name), name === '--version' ? [name] : []);
  await runCommand(await verb(), rest);
  // Threads may have compressed.
  if (name === 'dump') (await import('./lib/cli/leave.ts')).leave();
  // Scripts for COS's tool read its lines (GKE's DaemonSets), and one with `set -e` must not end at the answer.
  if (program === KDUMP_HELPER && process.exitCode === EXIT.notOperational) process.exitCode = EXIT.done;
}

/** Help, version, and words that are no verb. */
function withoutVerb(program: string, name: string): Command<Record<never, never>> {
  return {
    name: program,
    purpose: 'Captures kernel crashes.',
    options: {},
    async run() {
      if (!['help', '--help', '-h'].includes(name)) {
        throw new UsageError('NO_VERB', {
          action: `run ${program} ${name}`,
          actual: 'there is no such verb',
          toDo: `try ${program} help`,
        });
      }
      console.log(await verbsHelp(program));
      return EXIT.done;
    },
  };
}

void main(process.argv.slice(2));
