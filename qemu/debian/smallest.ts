/** The smallest `crashkernel=` with which each program still captures this machine (`npm run machine -- --smallest`). */
import { begin, come, INSTALL_SECONDS, reboot, settled } from './boots.ts';
import { type Capture, isCaptured, measureAfter, measureBefore, removeDumps } from './capture.ts';
import { crash } from './crash.ts';
import type { Guest } from './machine.ts';
import { KDUMP_TOOLS, KDUMP_TOOLS_NOT_ON, KDUMPLING, KDUMPLING_LEAN, kdumpling, type Peer } from './peers.ts';
import type { Story, Teller } from './stories.ts';

/** Each search begins with the program's default. Every boot after a crash reserves the next smaller of these sizes. */
const SIZES_MIB = [160, 144, 128, 112, 96, 80, 64];
/** A machine that has not rebooted by then hangs. */
const CAPTURE_SECONDS = 480;

export const SEARCHES: readonly Story[] = [
  {
    name: KDUMPLING,
    purpose: 'the smallest crashkernel= of our package',
    run: search(kdumpling('self-contained')),
  },
  { name: KDUMPLING_LEAN, purpose: 'the same with Node on the disk', run: search(kdumpling('lean')) },
  {
    name: 'kdump-tools',
    purpose: 'the smallest crashkernel= of Debian’s own',
    notOn: KDUMP_TOOLS_NOT_ON,
    run: search(KDUMP_TOOLS),
  },
];

function search(peer: Peer) {
  return async (guest: Guest, teller: Teller): Promise<void> => {
    const { agent } = guest;
    await begin(guest);
    teller.say('installing');
    await agent.must(peer.install, INSTALL_SECONDS);
    await reboot(guest);
    let smallest = Number.POSITIVE_INFINITY;
    do {
      const capture = await tryOne(guest, peer);
      if (!capture) break;
      teller.capture(capture);
      smallest = capture.crashkernelMib;
      teller.say(`captures with ${smallest}M`);
    } while (nextBelow(smallest) !== undefined);
    teller.check('it captures with its default reservation', Number.isFinite(smallest), 'it does not');
  };
}

function nextBelow(mib: number): number | undefined {
  return SIZES_MIB.find(size => size < mib);
}

/** Crashes with what this boot reserved; the next boot reserves less. Returns undefined when nothing was captured. */
async function tryOne(guest: Guest, peer: Peer): Promise<Capture | undefined> {
  const { agent } = guest;
  if ((await agent.run(peer.isArmed, INSTALL_SECONDS)).exitCode !== 0) return undefined;
  const before = await measureBefore(guest, peer);
  const next = nextBelow(before.crashkernelMib);
  if (next !== undefined) await agent.must(peer.reserve(next), INSTALL_SECONDS);
  await removeDumps(guest, peer);
  const seen = await crash(guest, CAPTURE_SECONDS).then(
    async home => {
      await settled(guest);
      return home;
    },
    async () => {
      await guest.reset();
      await come(guest);
      return { times: {}, lines: [] };
    },
  );
  const capture = await measureAfter(guest, peer, before, seen);
  return isCaptured(capture) ? capture : undefined;
}
