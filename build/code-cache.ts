/**
 * Makes the code cache of a program, on the Node that the cache is for, with the flags that it is read with. Run as
 *
 *   node FLAG… code-cache.ts PROGRAM               with all functions of the program
 *   node FLAG… code-cache.ts PROGRAM ARGUMENT…     with those that it calls when it is run so: of a large program the others
 *                                            would take longer to read than to compile when they are called
 */
import { rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { setFlagsFromString } from 'node:v8';
import { codeCacheOf, compileProgram } from '../capture/program-code.ts';

const [, , path, ...words] = process.argv;
rmSync(codeCacheOf(path), { force: true });
if (words.length === 0) setFlagsFromString('--no-lazy');
const program = compileProgram(path);
// V8 accepts a cache that was made with the flags that it is read with.
if (words.length === 0) setFlagsFromString('--lazy');
const save = () => writeFileSync(codeCacheOf(path), program.createCache());
if (words.length === 0) {
  save();
} else {
  process.argv.splice(1, 1);
  process.on('exit', save);
  program.run(createRequire(path));
}
