/** A machine whose kernel hung before the lab did anything with it is booted once more. */
import { renameSync } from 'node:fs';
import { join } from 'node:path';
import { HUNG_BOOT, LostMachine } from '../machine/machine.ts';

/** The serial log of the boot that hung, in the run's directory. */
export const HUNG_BOOT_LOG = 'hung-boot.log';

/**
 * Under QEMU's emulation a boot hangs now and then (seen: QEMU 7.2.22, 2 CPUs, after the lines "hpet0:" and "smpboot: Total of
 * 2 processors activated"). Nothing was written to the disk by then.
 * @param run writes `serial.log` into the directory.
 */
export async function bootTwiceAtMost<T>(directory: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run();
  } catch (error) {
    if (!(error instanceof LostMachine && error.code === HUNG_BOOT)) throw error;
    renameSync(join(directory, 'serial.log'), join(directory, HUNG_BOOT_LOG));
    console.error(`the machine is booted once more: ${error.message}`);
    return run();
  }
}
