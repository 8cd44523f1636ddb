/** Whether the crash kernel can be loaded into what is reserved for it, or is to be, asked before kexec refuses it. */
import { SystemError } from '../../../capture/errors.ts';
import type { Settings } from '../config/directives.ts';
import type { CrashkernelReading } from '../crashkernel/reading.ts';
import { type Reservation, shortageOf } from '../estimate/reservation.ts';
import type { Host } from '../host/host.ts';
import { hostReservation, hostReserved } from './host-reservation.ts';

/** The kernel would say no more than that an address is not available. @throws SystemError */
export function requireFit(host: Host, settings: Settings): void {
  const shortage = shortageOf(hostReserved(host), hostReservation(host, settings));
  if (shortage === undefined) return;
  throw new SystemError('RESERVED_TOO_LITTLE', {
    action: 'load the crash kernel',
    actual: shortage,
    toDo: 'Run `kdumpling enable --crashkernel auto` and reboot',
  });
}

/** @throws SystemError for words with which no crash kernel could be loaded. */
export function refuseTooLittle(reading: CrashkernelReading, reservation: Reservation): void {
  if (reading.kind !== 'reserved') return;
  const shortage = shortageOf({ loadBytes: reading.bytes }, reservation);
  if (shortage === undefined) return;
  throw new SystemError('RESERVED_TOO_LITTLE', {
    action: 'reserve memory for the crash kernel',
    actual: shortage,
    toDo: 'Name a larger value, or use --crashkernel auto',
  });
}
