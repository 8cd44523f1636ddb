/**
 * Makes the cache of the host command's code: runs it once, with the arguments given, in the Node that it is for, and
 * keeps what V8 compiled. Run as a program of its own: `node code-cache.ts PROGRAM ARGUMENT…`.
 */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { compileProgram } from '../scripts/lib/cli/program-code.ts';

const [, , path] = process.argv;
rmSync(`${path}.cache`, { force: true });
const program = compileProgram(path, readFileSync(path, 'latin1'));
process.argv.splice(1, 1);
process.on('exit', () => writeFileSync(`${path}.cache`, program.createCache()));
program.run(createRequire(path));
