/**
 * The times of a capture alone (`npm run machine -- --times`): each program is installed on a disk of its own, and the machines
 * crash in turn, so that other load on the host affects all alike. Every crash is of a machine that was just switched on.
 */

import type { NotOn } from '../kernel/misfit.ts';
import { begin, come, INSTALL_SECONDS, reboot } from './boots.ts';
import { crashAnew, isCaptured } from './capture.ts';
import type { Guest } from './machine.ts';
import {
  KDUMP_TOOLS,
  KDUMP_TOOLS_NOT_ON,
  KDUMPLING,
  KDUMPLING_DUMP_ONLY,
  KDUMPLING_LZO,
  kdumpling,
  type Peer,
} from './peers.ts';
import type { Teller } from './stories.ts';

export interface TimedPeer {
  readonly name: string;
  readonly notOn?: NotOn;
  /** From power-on to power-off, on a Debian without it. */
  prepare(guest: Guest, teller: Teller): Promise<void>;
  /** One crash, from power-on to power-off. */
  crash(guest: Guest, teller: Teller): Promise<void>;
}

export const TIMED: readonly TimedPeer[] = [
  timed(KDUMPLING, kdumpling('self-contained')),
  timed(KDUMPLING_DUMP_ONLY, kdumpling('self-contained', ['autopsy no', 'triage no'])),
  timed(KDUMPLING_LZO, kdumpling('self-contained', ['core_collector makedumpfile -l -d 31'])),
  { ...timed('kdump-tools', KDUMP_TOOLS), notOn: KDUMP_TOOLS_NOT_ON },
];

function timed(name: string, peer: Peer): TimedPeer {
  return {
    name,
    async prepare(guest, teller) {
      await begin(guest);
      teller.say('installing');
      await guest.agent.must(peer.install, INSTALL_SECONDS);
      // kdump-tools builds its initrd at the first boot.
      await reboot(guest);
      await checkArmed(guest, teller, peer);
    },
    async crash(guest, teller) {
      await come(guest);
      await checkArmed(guest, teller, peer);
      const capture = await crashAnew(guest, peer);
      teller.check('it captured', isCaptured(capture), `${capture.dumpBytes} bytes`);
      teller.capture(capture);
    },
  };
}

async function checkArmed({ agent }: Guest, teller: Teller, { isArmed }: Peer): Promise<void> {
  const { exitCode, output } = await agent.run(isArmed, INSTALL_SECONDS);
  teller.check('it is armed', exitCode === 0, output.trim() || 'no crash kernel is loaded');
}
