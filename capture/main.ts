/** The program: what the early stage of the dump-capture initrd execs as PID 1. */
import { runAsInit } from './pid1.ts';

runAsInit();
