/** `kdumpling`: the host command. One file a verb. */
import { type Command, EXIT, type Options, runCommand } from './cli.ts';
import { dump } from './dump.ts';
import { rebuild } from './rebuild.ts';
import { verify } from './verify.ts';

/** Each verb takes its own options; here they are only called. */
const VERBS: Readonly<Record<string, Command<Options>>> = {
  dump: dump as unknown as Command<Options>,
  rebuild: rebuild as unknown as Command<Options>,
  verify: verify as unknown as Command<Options>,
};

const [verb = 'help', ...rest] = process.argv.slice(2);
if (Object.hasOwn(VERBS, verb)) {
  void runCommand(VERBS[verb], rest);
} else if (['help', '--help', '-h'].includes(verb)) {
  console.log('kdumpling: captures kernel crashes\n\nusage: kdumpling VERB [OPTION]…\n');
  for (const [name, { purpose }] of Object.entries(VERBS)) console.log(`  ${name.padEnd(12)}${purpose}`);
  console.log(`  ${'help'.padEnd(12)}this text; every verb has --help`);
} else {
  console.error(`Cannot run kdumpling ${verb}: there is no such verb; try kdumpling help`);
  process.exitCode = EXIT.usage;
}
