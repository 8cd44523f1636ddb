/** What a build for the architecture of the first argument copies, as JSON, on the machine that this Node believes to be on. */
import { openCache } from '../../build/cache.ts';
import { partsFor } from '../../build/parts/choose.ts';
import { hostCommandFiles } from '../../build/program.ts';
import { runtimeFiles } from '../../build/runtime.ts';

const parts = await partsFor(openCache(console.error), process.argv[2]);
const { dist, strip, koffi, command } = parts;
const copied = [...runtimeFiles(parts).values(), koffi, command('busybox')];
console.log(JSON.stringify({ builder: process.arch, dist, strip, copied, files: hostCommandFiles(parts) }));
