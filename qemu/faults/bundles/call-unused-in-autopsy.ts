/** A lab fault, in the place of the autopsy program: it reads /proc/vmcore, and calls a part of Node that the image lacks. */
import { readAndReport } from './half-an-autopsy.ts';
import { callUnusedCode } from './unused-code.ts';

readAndReport();
callUnusedCode();
