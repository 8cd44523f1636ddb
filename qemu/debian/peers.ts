/** The programs that are compared on the guest: how each is installed, how it reserves memory, and where its files are. */
import { MANIFEST_NAME } from '../../capture/storage/manifest.ts';
import type { Layout } from '../../initrd/layouts.ts';
import type { NotOn } from '../kernel/misfit.ts';
import type { Stage } from './crash.ts';

export interface Peer {
  /** Shell script that installs it, so that it works after a reboot. */
  readonly install: string;
  /** Shell command that reserves this size from the next boot on. */
  reserve(mib: number): string;
  /** Shell command whose exit code 0 means that a crash would be captured. */
  readonly isArmed: string;
  initrd(kernel: string): string;
  /** Shell pattern of complete dumps, each in a directory of its own. */
  readonly dumps: string;
  /** What its crash kernel does, by the lines that it prints. */
  readonly stages: readonly Stage[];
  /**
   * Name of the file beside a dump that divides the stage `capture` into phases and has the pages (capture/storage/manifest.ts).
   * Where there is none, the pages of a dump are counted.
   */
  readonly manifest?: string;
}

/** Our package as it is installed. */
export const KDUMPLING = 'kdumpling';
/** The same with Node on the disk. */
export const KDUMPLING_LEAN = 'kdumpling-lean';
/** The same without autopsy and triage dump, which kdump-tools does not make. */
export const KDUMPLING_DUMP_ONLY = 'kdumpling-dump-only';
/** Our package with lzo, which takes less time than zstd and makes a larger dump. */
export const KDUMPLING_LZO = 'kdumpling-lzo';
/** The names by which our captures are distinguished from those of others. */
export const OURS: readonly string[] = [KDUMPLING, KDUMPLING_LEAN, KDUMPLING_DUMP_ONLY, KDUMPLING_LZO];

const IS_LOADED = 'grep -q 1 /sys/kernel/kexec_crash_loaded';

/** @param directives more lines for kdump.conf, in place of those that the package's has. */
export const kdumpling = (layout: Layout, directives: readonly string[] = []): Peer => ({
  install: `set -e
apt-get install -y /mnt/kdumpling_*.deb
${configuring([`layout ${layout}`, ...directives])}
kdumpling enable`,
  reserve: mib => `kdumpling enable --crashkernel ${mib}M`,
  isArmed: `systemctl is-active kdumpling-load && ${IS_LOADED}`,
  initrd: kernel => `/boot/initramfs-${kernel}kdump.img`,
  dumps: '/var/crash/*/vmcore',
  stages: [
    { name: 'boot', until: /kdumpling: start: / },
    { name: 'capture', until: /kdumpling: end: (saved|NOT saved)/ },
  ],
  manifest: MANIFEST_NAME,
});

/** Shell commands. The crash-loop guard is off, since every crash here must be captured. */
function configuring(directives: readonly string[]): string {
  const lines = ['crash_loop 0', ...directives];
  const names = lines.map(line => line.split(' ')[0]);
  return `sed -i -E '/^(${names.join('|')}) /d' /etc/kdump.conf
printf '${lines.join('\\n')}\\n' >> /etc/kdump.conf`;
}

export const KDUMP_TOOLS: Peer = {
  // Our host command is put beside it, without services and hooks: it counts the pages of the dump.
  install: `set -e
echo kdump-tools kdump-tools/use_kdump boolean true | debconf-set-selections
apt-get install -y kdump-tools
dpkg-deb --fsys-tarfile /mnt/kdumpling_*.deb | tar -x -C / ./usr/lib/kdumpling ./usr/sbin/kdumpling`,
  reserve: mib =>
    `sed -i 's/crashkernel=[^" ]*/crashkernel=${mib}M/' /etc/default/grub.d/kdump-tools.cfg && update-grub`,
  // Its service builds the crash kernel's initrd on the first boot. Its own "ready to kdump" is also in "Not ready to kdump".
  isArmed: `systemctl start kdump-tools && ${IS_LOADED}`,
  initrd: kernel => `/var/lib/kdump/initrd.img-${kernel}`,
  dumps: '/var/crash/2*/dump.[0-9]*',
  stages: [
    { name: 'boot', until: /running makedumpfile --dump-dmesg/ },
    { name: 'dmesg', until: /saved dmesg content/ },
    { name: 'dump', until: /saved vmcore/ },
  ],
};

/**
 * Seen in the lab. 6.1 has no CONFIG_KALLSYMS_ALL: kexec-tools 2.0.25 finds no _text, and reading /proc/vmcore ends the crash
 * kernel. 6.12 is built for addresses of 52 bits, also on a CPU without them: makedumpfile 1.7.2 says "PAGE SIZE 0x1000 and VA Bits
 * 52 not supported", and kdump-tools calls its empty dump saved.
 */
export const KDUMP_TOOLS_NOT_ON: NotOn = {
  arm64:
    'that of Debian 12 captures none of its kernels: kexec-tools describes the memory of 6.1 wrongly, and makedumpfile does not know the addresses of 6.12',
};
