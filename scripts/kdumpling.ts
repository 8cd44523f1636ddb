/** `kdumpling`, and COS's `kdump_helper` when it is called by that name: finds the verb and runs it. */
import { basename } from 'node:path';
import { EXIT, runCommand } from './lib/cli/command.ts';
import { findVerb, KDUMP_HELPER, verbsHelp } from './verb-table.ts';

async function main([name = 'help', ...rest]: readonly string[]): Promise<void> {
  const program = basename(process.argv[1] ?? '') === KDUMP_HELPER ? KDUMP_HELPER : 'kdumpling';
  const verb = findVerb(program, name);
  if (verb) {
    await runCommand(await verb(), rest);
    // Scripts for COS's tool read its lines (GKE's DaemonSets), and one with `set -e` must not end at the answer.
    if (program === KDUMP_HELPER && process.exitCode === EXIT.notOperational) process.exitCode = EXIT.done;
  } else if (['help', '--help', '-h'].includes(name)) {
    console.log(await verbsHelp(program));
  } else {
    console.error(`Cannot run ${program} ${name}: there is no such verb; try ${program} help`);
    process.exitCode = EXIT.usage;
  }
}

void main(process.argv.slice(2));
