/** A lab fault, in the place of the autopsy program: it reads /proc/vmcore, and then loops. */
import { readAndReport } from './half-an-autopsy.ts';

readAndReport();
for (;;);
