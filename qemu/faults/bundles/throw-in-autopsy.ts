/** A lab fault, in the place of the autopsy program: it reads /proc/vmcore and throws. */
import { readAndReport } from './half-an-autopsy.ts';

readAndReport();
throw new Error('lab fault: thrown in the autopsy');
