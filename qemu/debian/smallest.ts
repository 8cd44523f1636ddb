/** The smallest `crashkernel=` with which each program still captures this machine (`npm run machine -- --smallest`). */
import type { Layout } from '../../initrd/image.ts';
import { begin, come, INSTALL_SECONDS, reboot, settled } from './boots.ts';
import { type Capture, reservation, runningKernel } from './capture.ts';
import { crash } from './crash.ts';
import type { Guest } from './machine.ts';
import type { Story, Teller } from './stories.ts';

/** Downwards: a machine that captured has the next one to try reserved by the boot that brings it home. */
const SIZES_MIB = [192, 160, 144, 128, 112, 96, 80, 64];
/** What does not come home by then hangs. */
const CAPTURE_SECONDS = 480;

interface Peer {
  /** What it has reserved when nobody says otherwise: the first to try. */
  readonly defaultMib: number;
  /** What it takes to have it at work, but for the memory. */
  readonly install: string;
  /** Has so much reserved from the next boot on. */
  reserve(mib: number): string;
  /** Exit code 0: a crash would be captured. */
  readonly isArmed: string;
  readonly initrd: (kernel: string) => string;
  /** The complete ones, as the shell expands it. */
  readonly dumps: string;
}

const ours = (layout: Layout, defaultMib: number): Peer => ({
  defaultMib,
  // Its crashes follow one another closely here, and each is to have its dump.
  install: `set -e
apt-get install -y /mnt/kdumpling_*.deb
printf 'crash_loop 0\\nlayout ${layout}\\n' >> /etc/kdump.conf
kdumpling enable`,
  reserve: mib => `kdumpling enable --crashkernel ${mib}M`,
  isArmed: 'systemctl is-active kdumpling-load && grep -q 1 /sys/kernel/kexec_crash_loaded',
  initrd: kernel => `/boot/initramfs-${kernel}kdump.img`,
  dumps: '/var/crash/*/vmcore',
});

const KDUMP_TOOLS: Peer = {
  defaultMib: 128,
  install: `set -e
echo kdump-tools kdump-tools/use_kdump boolean true | debconf-set-selections
apt-get install -y kdump-tools`,
  reserve: mib =>
    `sed -i 's/crashkernel=[^" ]*/crashkernel=${mib}M/' /etc/default/grub.d/kdump-tools.cfg && update-grub`,
  isArmed: 'systemctl start kdump-tools && grep -q 1 /sys/kernel/kexec_crash_loaded',
  initrd: kernel => `/var/lib/kdump/initrd.img-${kernel}`,
  dumps: '/var/crash/2*/dump.[0-9]*',
};

export const SEARCHES: readonly Story[] = [
  {
    name: 'kdumpling',
    purpose: 'the smallest crashkernel= of our package',
    run: search(ours('self-contained', 192)),
  },
  { name: 'kdumpling-lean', purpose: 'the same with Node on the disk', run: search(ours('lean', 144)) },
  { name: 'kdump-tools', purpose: 'the smallest crashkernel= of Debian’s own', run: search(KDUMP_TOOLS) },
];

function search(peer: Peer) {
  return async (guest: Guest, teller: Teller): Promise<void> => {
    const { agent } = guest;
    await begin(guest);
    teller.say('installing');
    await agent.must(peer.install, INSTALL_SECONDS);
    const sizes = SIZES_MIB.filter(mib => mib <= peer.defaultMib);
    await agent.must(peer.reserve(sizes[0]), INSTALL_SECONDS);
    await reboot(guest);
    let smallest: number | undefined;
    for (const [index, mib] of sizes.entries()) {
      const capture = await tryOne(guest, peer, sizes[index + 1]);
      if (!capture) break;
      teller.capture(capture);
      teller.say(`captures with ${mib}M`);
      smallest = mib;
    }
    teller.check('it captures with one of the sizes', smallest !== undefined, `${sizes[0]}M do not do`);
  };
}

/** @param next what the boot after the crash reserves. Undefined when nothing was captured. */
async function tryOne(guest: Guest, peer: Peer, next: number | undefined): Promise<Capture | undefined> {
  const { agent } = guest;
  if ((await agent.run(peer.isArmed, INSTALL_SECONDS)).exitCode !== 0) return undefined;
  if (next !== undefined) await agent.must(peer.reserve(next), INSTALL_SECONDS);
  const kernel = await runningKernel(guest);
  const sizes = await reservation(guest, peer.initrd(kernel));
  await agent.must(`rm -rf ${peer.dumps}`);
  const times = await crash(guest, CAPTURE_SECONDS).then(
    async seen => {
      await settled(guest);
      return seen;
    },
    async () => {
      await guest.reset();
      await come(guest);
      return {};
    },
  );
  const dump = await agent.run(`stat -c %s ${peer.dumps}`);
  return dump.exitCode === 0 ? { kernel, times, dumpBytes: Number(dump.output), ...sizes } : undefined;
}
