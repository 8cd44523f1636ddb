/** The smallest `crashkernel=` with which each program still captures this machine (`npm run machine -- --smallest`). */
import type { Layout } from '../../initrd/layouts.ts';
import { begin, come, INSTALL_SECONDS, reboot, settled, updateKernel } from './boots.ts';
import { type Capture, reservation, runningKernel } from './capture.ts';
import { crash } from './crash.ts';
import type { Guest } from './machine.ts';
import type { Story, Teller } from './stories.ts';

/** Each search begins with the program's default. Every boot after a crash reserves the next smaller of these sizes. */
const SIZES_MIB = [160, 144, 128, 112, 96, 80, 64];
/** A machine that has not rebooted by then hangs. */
const CAPTURE_SECONDS = 480;

interface Peer {
  /** Shell script that installs it, so that it works after a reboot. */
  readonly install: string;
  /** Shell command that reserves this size from the next boot on. */
  reserve(mib: number): string;
  /** Shell command whose exit code 0 means that a crash would be captured. */
  readonly isArmed: string;
  readonly initrd: (kernel: string) => string;
  /** Shell pattern of complete dumps. */
  readonly dumps: string;
}

const ours = (layout: Layout): Peer => ({
  // The crash-loop guard is off, since every crash here must be captured.
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
    run: search(ours('self-contained')),
  },
  { name: 'kdumpling-lean', purpose: 'the same with Node on the disk', run: search(ours('lean')) },
  { name: 'kdump-tools', purpose: 'the smallest crashkernel= of Debian’s own', run: search(KDUMP_TOOLS) },
];

function search(peer: Peer) {
  return async (guest: Guest, teller: Teller): Promise<void> => {
    const { agent } = guest;
    await begin(guest);
    // All searches crash the kernel that kdump-tools can capture, or they could not be compared.
    if (guest.arch.debianGuest.kdumpToolsNeedsNewer) await updateKernel(guest);
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
  const kernel = await runningKernel(guest);
  const sizes = await reservation(guest, peer.initrd(kernel));
  const next = nextBelow(sizes.crashkernelMib);
  if (next !== undefined) await agent.must(peer.reserve(next), INSTALL_SECONDS);
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
