/**
 * The first file of the host command. It runs the program beside it with the code that V8 compiled when the program was
 * built, so that a start does not wait for the compiler. V8 rejects a cache of another program or another V8, and compiles.
 */
import { join } from 'node:path';
import { compileProgram } from '../capture/program-code.ts';
import { programFor } from './lib/cli/program-files.ts';

const path = join(__dirname, programFor(process.argv));
compileProgram(path).run(require);
