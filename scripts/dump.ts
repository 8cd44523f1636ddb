/** `kdumpling dump` as a program of its own. */
import { runCommand } from './lib/cli/command.ts';
import { dump } from './verbs/dump.ts';

// All that was printed is written when the command has ended, so Node need not take itself apart.
void runCommand(dump, process.argv.slice(3)).then(() => process.exit());
