/**
 * The crashed machine's memory as QEMU sees it, taken while the capture begins: what the crashed kernel left is still
 * there, and the crash kernel works in its own reservation. In both formats of dump-guest-memory (QEMU: dump/dump.c).
 */
import { join } from 'node:path';
import { openQmp, qmpOption } from './qmp.ts';
import type { SerialLine } from './serial.ts';

export interface GuestRamFiles {
  /** An ELF core whose program headers lie behind everything else. */
  readonly elf: string;
  /** The kdump-compressed format by another writer than makedumpfile and us: flattened, zlib. */
  readonly flattened: string;
}

export function guestRamFiles(directory: string): GuestRamFiles {
  return { elf: join(directory, 'guest-ram.elf'), flattened: join(directory, 'guest-ram.flat') };
}

/** Loaded by the first kernel: it tells QEMU where its vmcoreinfo is, which then goes into the dumps' notes. */
export const GUEST_RAM_DRIVERS = ['qemu_fw_cfg'];

const CAPTURE_BEGINS = /kdumpling: start: .*PID 1,/;

export interface GuestRamTaking {
  /** More of QEMU's options. */
  readonly devices: readonly string[];
  /** For each line of the serial console. */
  onLine(line: SerialLine): void;
  /** When the files are whole. Rejects when they could not be had. */
  taken(): Promise<void>;
}

/** @param directory where the files go: as much space as the guest has memory in use. */
export function takeGuestRam(directory: string): GuestRamTaking {
  // The path of a socket has at most 108 bytes: QEMU is started in our folder, and its own may be deep.
  const socket = join('/tmp', `kdumpling-qmp-${process.pid}-${Date.now()}`);
  let taking: Promise<void> | undefined;
  return {
    devices: [...qmpOption(socket), '-device', 'vmcoreinfo'],
    onLine({ text }) {
      if (!taking && CAPTURE_BEGINS.test(text)) {
        taking = dumpGuestMemory(socket, guestRamFiles(directory));
        // Looked at by `taken`, perhaps much later.
        taking.catch(() => {});
      }
    },
    taken: () => taking ?? Promise.reject(new Error('the capture did not begin')),
  };
}

async function dumpGuestMemory(socket: string, files: GuestRamFiles): Promise<void> {
  const qmp = await openQmp(socket);
  try {
    await qmp.execute('stop');
    for (const [path, format] of [
      [files.elf, 'elf'],
      [files.flattened, 'kdump-zlib'],
    ]) {
      await qmp.execute('dump-guest-memory', { paging: false, protocol: `file:${path}`, format });
    }
    await qmp.execute('cont');
  } finally {
    qmp.close();
  }
}
