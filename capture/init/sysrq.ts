/** The kernel's emergency commands (Linux Documentation/admin-guide/sysrq.rst), which need nothing of user space. */
import { writeFileSync } from 'node:fs';

/** Works for root whatever kernel.sysrq allows at the keyboard. */
const TRIGGER = '/proc/sysrq-trigger';

/** `b` reboots and `o` powers off at once; `1` leaves only emergencies on the console. */
export type SysrqKey = 'b' | 'o' | '1';

/** @throws what Node's call throws. */
export function sysrq(key: SysrqKey): void {
  writeFileSync(TRIGGER, key);
}
