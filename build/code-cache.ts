/**
 * Makes the code cache of the host command: runs it once, with the given arguments, on the Node that the cache is for, and
 * saves what V8 compiled. Run as `node code-cache.ts PROGRAM ARGUMENT…`.
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
