/**
 * What Node starts in the crash kernel: `node start.js PROGRAM ARGUMENT…` runs the program as if Node had started that, with the
 * code that V8 compiled when the program was built. V8 rejects a cache of another V8 or of other flags, and compiles. A cache is
 * for one start: as a file it would be in memory on.
 */
import { rmSync } from 'node:fs';
import { attempt } from './errors.ts';
import { codeCacheOf, compileProgram } from './program-code.ts';

process.argv.splice(1, 1);
const path = process.argv[1]!;
const program = compileProgram(path);
attempt(() => rmSync(codeCacheOf(path), { force: true }));
program.run(require);
