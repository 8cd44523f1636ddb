/**
 * The autopsy program: `node autopsy.js VMCORE DIRECTORY [tables]`. The capture starts it, and ends it when it does not end by itself. Once
 * it has read what it wants, it helps with a dump that is made meanwhile.
 */
import { helpWithDump } from '../threads/help.ts';
import { waitToBegin } from './begin.ts';
import { TABLES } from './files.ts';
import { writeAutopsy } from './write-autopsy.ts';

const [vmcore, directory, pages] = process.argv.slice(2);
waitToBegin(directory!);
writeAutopsy(vmcore!, directory!, pages === TABLES);
helpWithDump(directory!);
// All is written, and taking Node apart takes longer than the kernel does.
process.kill(process.pid, 'SIGKILL');
