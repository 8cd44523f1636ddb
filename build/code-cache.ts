/**
 * Makes the code cache of a program, on the Node that the cache is for, with the flags that it is read with. Run in the program's
 * folder, since the path that it is given is in the cache, as
 *
 *   node FLAG… code-cache.ts PROGRAM               with all functions of the program
 *   node FLAG… code-cache.ts PROGRAM ARGUMENT…     with those that it calls when it is run so: of a large program the others
 *                                            would take longer to read than to compile when they are called
 */
import { rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { codeCacheOf, compileProgram } from '../capture/program-code.ts';

const [, , path, ...words] = process.argv;
rmSync(codeCacheOf(path), { force: true });
// Node's defaults that are off meanwhile. A cache says which functions other threads were compiling to machine code: chance.
const off = words.length === 0 ? ['lazy'] : ['sparkplug', 'maglev', 'turbofan'];
for (const flag of off) setFlagsFromString(`--no-${flag}`);
const program = compileProgram(path);
const save = () => {
  // V8 accepts a cache that was made with the flags that it is read with.
  for (const flag of off) setFlagsFromString(`--${flag}`);
  writeFileSync(codeCacheOf(path), program.createCache());
};
if (words.length === 0) {
  save();
} else {
  process.argv.splice(1, 2, resolve(path));
  process.on('exit', save);
  program.run(createRequire(resolve(path)));
}
