/** Loads the crash kernel in a guest as `kdumpling load` does, for a first kernel that kexec-tools cannot load one into. */
import { openHost } from '../../scripts/lib/host/host.ts';
import { loadCrashKernel } from '../../scripts/lib/kexec/crash-kernel.ts';

const [, , kernel, initrd, commandLine] = process.argv;
const way = loadCrashKernel(openHost(), { kernel: kernel!, initrd: initrd!, commandLine: commandLine! });
console.log(`lab: loaded by ${way}`);
