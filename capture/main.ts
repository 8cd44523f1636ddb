/** The program's entry: the early stage of the dump-capture initrd (initrd/early.sh) executes it as PID 1. */
import { runAsInit } from './pid1.ts';

runAsInit();
