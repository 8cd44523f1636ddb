/** The autopsy program: `node autopsy.js VMCORE DIRECTORY`. The capture starts it, and ends it when it does not end by itself. */
import { writeAutopsy } from './write-autopsy.ts';

const [vmcore, directory] = process.argv.slice(2);
writeAutopsy(vmcore!, directory!);
