/**
 * The first file of the host command: runs the program beside it, with what V8 compiled of it when it was built, so that a
 * start does not wait for its compiler. The code in the cache is the program's own; V8 itself refuses one that does not
 * belong to this version of it or to this program, and compiles.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { compileProgram, PROGRAM_FILE } from './lib/cli/program-code.ts';

const path = join(__dirname, PROGRAM_FILE);
compileProgram(path, readFileSync(path, 'latin1')).run(require);
