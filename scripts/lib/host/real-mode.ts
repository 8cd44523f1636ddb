/** Whether the kernel's code for the start of further CPUs can be left out by the name of its initcall. */
import type { Host } from './host.ts';

/** Set up by do_init_real_mode(), and by init_real_mode() itself before that was there (Linux arch/x86/realmode/init.c). */
const INITCALL = /^\S+ t do_init_real_mode$|^\S+ t init_real_mode$/m;
/** What the kernel's list of initcalls names instead where clang optimized across files (Linux include/linux/init.h). */
const STUBS = '__initstub__';

/** Of the running kernel; false for an image's, whose symbols nobody can read. */
export function canSkipRealMode(host: Host): boolean {
  if (host.isImage) return false;
  const symbols = host.read('/proc/kallsyms') ?? '';
  return INITCALL.test(symbols) && !symbols.includes(STUBS);
}
