/** Whether the firmware lets only signed code boot (UEFI 32.3, the variable SecureBoot). */
import type { Host } from './host.ts';

const VARIABLE = '/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c';

/** The variable's value follows four bytes of attributes. */
export function isSecureBoot(host: Host): boolean {
  return host.readBytes(VARIABLE)?.[4] === 1;
}
