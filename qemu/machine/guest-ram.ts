/**
 * The crashed machine's memory as QEMU sees it when the capture begins: the crashed kernel's memory is unchanged, since
 * the crash kernel works in its own reservation. In both formats of QEMU's dump-guest-memory (QEMU dump/dump.c).
 */
import { join } from 'node:path';
import type { LabArch } from './arch.ts';
import { monitorSocket, openQmp, qmpOption } from './qmp.ts';
import type { SerialLine } from './serial.ts';

export interface GuestRamFiles {
  /** An ELF core whose program headers are at the end of the file. */
  readonly elf: string;
  /** A flattened kdump-compressed dump with zlib, by a writer that is neither makedumpfile nor kdumpling. */
  readonly flattened: string;
}

export function guestRamFiles(directory: string): GuestRamFiles {
  return { elf: join(directory, 'guest-ram.elf'), flattened: join(directory, 'guest-ram.flat') };
}

/** With this driver the first kernel tells QEMU where its vmcoreinfo is; QEMU copies it into the dumps' notes. */
export const GUEST_RAM_DRIVERS = ['qemu_fw_cfg'];

const CAPTURE_BEGINS = /kdumpling: start: .*PID 1,/;

export interface GuestRamTaking {
  /** More QEMU options. */
  readonly devices: readonly string[];
  /** To be called with each line of the serial console. */
  onLine(line: SerialLine): void;
  /** Resolves when the files are complete. Rejects when QEMU did not write them. */
  taken(): Promise<void>;
}

/**
 * @param directory gets the files, which are as large as the guest's memory in use; only the ELF core of an architecture
 * whose other dump has other pages.
 */
export function takeGuestRam(directory: string, { kdumpOfPages }: LabArch): GuestRamTaking {
  const socket = monitorSocket();
  let taking: Promise<void> | undefined;
  return {
    devices: [...qmpOption(socket), '-device', 'vmcoreinfo'],
    onLine({ text }) {
      if (!taking && CAPTURE_BEGINS.test(text)) {
        taking = dumpGuestMemory(socket, guestRamFiles(directory), kdumpOfPages);
        // `taken` reports the failure, perhaps much later.
        taking.catch(() => {});
      }
    },
    taken: () => taking ?? Promise.reject(new Error('the capture did not begin')),
  };
}

async function dumpGuestMemory(socket: string, files: GuestRamFiles, both: boolean): Promise<void> {
  const qmp = await openQmp(socket);
  try {
    await qmp.execute('stop');
    for (const [path, format] of [[files.elf, 'elf'], ...(both ? [[files.flattened, 'kdump-zlib']] : [])]) {
      await qmp.execute('dump-guest-memory', { paging: false, protocol: `file:${path}`, format });
    }
    await qmp.execute('cont');
  } finally {
    qmp.close();
  }
}
