/** A lab fault, in the place of the autopsy program: it takes memory without end, outside of V8's heap, whose limit would end it. */
import { readAndReport } from './half-an-autopsy.ts';

readAndReport();
for (const taken: Buffer[] = []; ; ) taken.push(Buffer.alloc(1 << 20, 1));
