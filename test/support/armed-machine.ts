/** The files of a machine that is armed and has an incomplete dump. */
import { createHash } from 'node:crypto';
import { crashCommandLine } from '../../initrd/command-line.ts';
import type { Files } from './host-root.ts';

export const KVER = '6.1.0-56-cloud-amd64';
export const COMMAND_LINE = 'BOOT_IMAGE=/boot/vmlinuz root=/dev/vda1 ro crashkernel=192M';

/** Of the kernel, without options that are not needed. */
export const CONFIG = [
  'KEXEC',
  'KEXEC_FILE',
  'CRASH_DUMP',
  'PROC_VMCORE',
  'BLK_DEV_INITRD',
  'RD_GZIP',
  'DEVTMPFS',
]
  .map(name => `CONFIG_${name}=y\n`)
  .concat('CONFIG_SQUASHFS=m\nCONFIG_BLK_DEV_LOOP=m\n# CONFIG_KEXEC_SIG is not set\n')
  .join('');

export const STAMP = { inputs: '', bytes: 5, sha256: createHash('sha256').update('image').digest('hex') };
export const LOADED = { imageSha256: STAMP.sha256, commandLine: crashCommandLine(COMMAND_LINE) };

export const ARMED: Files = {
  '/proc/sys/kernel/osrelease': `${KVER}\n`,
  '/proc/sys/kernel/kexec_load_disabled': '0\n',
  '/proc/cmdline': `${COMMAND_LINE}\n`,
  '/proc/self/mountinfo': '21 1 254:1 / / rw - ext4 /dev/vda1 rw\n',
  '/proc/meminfo': 'MemTotal: 1000000 kB\nMemFree: 500000 kB\nCached: 300000 kB\nAnonPages: 100000 kB\n',
  '/proc/zoneinfo': '',
  '/proc/cpuinfo': 'flags : fpu hypervisor lahf_lm\n',
  '/sys/kernel/kexec_crash_size': `${192 << 20}\n`,
  '/sys/kernel/kexec_crash_loaded': '1\n',
  '/sys/kernel/security/lockdown': '[none] integrity confidentiality\n',
  '/boot/grub/grub.cfg': '\tlinux /boot/vmlinuz root=/dev/vda1 ro crashkernel=192M\n',
  '/etc/default/grub': '',
  '/etc/kdump.conf': 'path /var/crash\ncore_collector makedumpfile -z -d 31\n',
  [`/boot/config-${KVER}`]: CONFIG,
  [`/boot/initramfs-${KVER}kdump.img`]: 'image',
  [`/var/lib/kdumpling/initramfs-${KVER}kdump.stamp`]: JSON.stringify(STAMP),
  '/run/kdumpling/loaded.json': JSON.stringify(LOADED),
  [`/lib/modules/${KVER}/modules.builtin`]: 'kernel/fs/ext4/ext4.ko\n',
  '/dev/vda1': '',
  '/sys/devices/pci0000:00/block/vda/vda1/': '',
  '/sys/class/block/vda1': '-> /sys/devices/pci0000:00/block/vda/vda1',
  '/var/crash/20261121T220234Z/vmcore-incomplete': '',
};

const LENDING_KVER = '7.2.13-amd64';
const LENDING_LINE = 'ro crashkernel=128M,cma crashkernel=112M';

/** A machine of 4 GiB with a kernel that lends a part of the reservation until the crash: 112M and 128M,cma. */
export const LENDING: Files = {
  ...ARMED,
  '/proc/sys/kernel/osrelease': `${LENDING_KVER}\n`,
  '/proc/cmdline': `${LENDING_LINE}\n`,
  '/proc/iomem': [
    '00100000-ffffffff : System RAM',
    '  50000000-56ffffff : Crash kernel',
    '100000000-13fffffff : System RAM\n',
  ].join('\n'),
  '/sys/kernel/kexec_crash_size': `${112 << 20}\n`,
  '/sys/kernel/kexec/crash_cma_ranges': '130000000-137ffffff\n',
  [`/boot/config-${LENDING_KVER}`]: `${CONFIG}CONFIG_X86_64=y\nCONFIG_CMA=y\n`,
  [`/boot/initramfs-${LENDING_KVER}kdump.img`]: 'image',
  [`/var/lib/kdumpling/initramfs-${LENDING_KVER}kdump.stamp`]: JSON.stringify(STAMP),
  '/run/kdumpling/loaded.json': JSON.stringify({
    imageSha256: STAMP.sha256,
    commandLine: crashCommandLine(LENDING_LINE, [], { keepsImage: true }),
  }),
  [`/lib/modules/${LENDING_KVER}/modules.builtin`]: 'kernel/fs/ext4/ext4.ko\n',
  '/boot/grub/grub.cfg': `\tlinux /boot/vmlinuz root=/dev/vda1 ${LENDING_LINE}\n`,
  [`/boot/vmlinuz-${LENDING_KVER}`]: kernelImageOf(60.25 * 2 ** 20),
};

/** The head of a bzImage that takes so many bytes unpacked (Linux Documentation/arch/x86/boot.rst). */
function kernelImageOf(initSizeBytes: number): string {
  const head = Buffer.alloc(0x400);
  head.write('HdrS', 0x202, 'latin1');
  head.writeUInt16LE(0x20f, 0x206);
  head.writeUInt32LE(initSizeBytes, 0x260);
  return head.toString('latin1');
}
