/**
 * What Node starts in the crash kernel: `node start.js PROGRAM ARGUMENT…` runs the program as if Node had started that, with the
 * code that V8 compiled when the program was built. V8 rejects a cache of another V8 or of other flags, and compiles.
 */
import { readFileSync } from 'node:fs';
import { compileProgram } from './program-code.ts';

process.argv.splice(1, 1);
const path = process.argv[1]!;
compileProgram(path, readFileSync(path, 'latin1')).run(require);
