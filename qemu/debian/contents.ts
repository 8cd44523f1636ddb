/** What is in the Debian guest besides its packages: settings, the lab's agent, and services that it does not start. */
import { chmod, copyFile, mkdir, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LabArch } from '../machine/arch.ts';
import { ESP_LABEL, ROOT_UUID } from './disk.ts';

/** Services that do nothing here and cost minutes under software emulation. */
const MASKED = [
  'apt-daily.timer',
  'apt-daily-upgrade.timer',
  'dpkg-db-backup.timer',
  'e2scrub_all.timer',
  'e2scrub_reap.service',
  'fstrim.timer',
];

const AGENT_FILES = ['agent.sh', 'lab-agent.service'].map(name => join(import.meta.dirname, 'guest', name));

export function packagesOf({ debian, debianGuest }: LabArch): string[] {
  return [
    'systemd',
    'systemd-sysv',
    'udev',
    'dbus',
    'kmod',
    `linux-image-cloud-${debian}`,
    'initramfs-tools',
    'busybox',
    'zstd',
    debianGuest.bootLoader,
    'e2fsprogs',
    'procps',
  ];
}

/** Path -> text. */
function filesOf({ console: port, debianGuest: { uefi, agentPort } }: LabArch): Record<string, string> {
  const firmware = uefi ? `LABEL=${ESP_LABEL} /boot/efi vfat umask=0077 0 0\n` : '';
  return {
    'etc/fstab': `UUID=${ROOT_UUID} / ext4 errors=remount-ro 0 1\n${firmware}`,
    'etc/hostname': 'debian\n',
    'etc/hosts': '127.0.0.1 localhost\n127.0.1.1 debian\n',
    'etc/default/lab-agent': `port=${agentPort.node}\n`,
    'etc/apt/sources.list': 'deb [trusted=yes] file:/mnt/repository ./\n',
    // Software emulation on a busy host is slow.
    'etc/systemd/system.conf.d/slow.conf':
      '[Manager]\nDefaultTimeoutStartSec=20min\nDefaultDeviceTimeoutSec=20min\n',
    // A new kernel's initrd with all modules takes ten minutes under software emulation.
    'etc/initramfs-tools/conf.d/modules': 'MODULES=dep\n',
    // As in Debian's cloud images: the kernel prints to the serial console, without `quiet`.
    'etc/default/grub.d/10-serial.cfg':
      `GRUB_CMDLINE_LINUX="console=${port}"\n` +
      'GRUB_CMDLINE_LINUX_DEFAULT=""\nGRUB_TIMEOUT=0\nGRUB_TERMINAL=console\n',
  };
}

/** Shell script that runs once in the guest, as root: it installs the boot loader. */
export function finishing({ debianGuest }: LabArch): string {
  return ['set -e', 'mkdir -p /var/log/journal', debianGuest.installBootLoader, 'update-grub', 'sync'].join(
    '\n',
  );
}

/** What the image is made of: values for JSON, and files. A change of one of them makes a new image. */
export function recipeOf(arch: LabArch): { readonly values: readonly unknown[]; readonly files: string[] } {
  return { values: [packagesOf(arch), MASKED, filesOf(arch), finishing(arch)], files: AGENT_FILES };
}

/** Writes settings, agent and masked services into a root that has at least the unpacked base packages. */
export async function furnish(root: string, arch: LabArch): Promise<void> {
  for (const [path, text] of Object.entries(filesOf(arch))) {
    await mkdir(join(root, path, '..'), { recursive: true });
    await writeFile(join(root, path), text);
  }
  if (arch.debianGuest.uefi) await mkdir(join(root, 'boot/efi'), { recursive: true });
  const units = join(root, 'etc/systemd/system');
  await mkdir(join(units, 'multi-user.target.wants'), { recursive: true });
  for (const unit of MASKED) await symlink('/dev/null', join(units, unit));
  const [program, unit] = AGENT_FILES;
  const agent = join(root, 'usr/local/sbin/lab-agent');
  await mkdir(join(agent, '..'), { recursive: true });
  await copyFile(program!, agent);
  await chmod(agent, 0o755);
  await copyFile(unit!, join(units, 'lab-agent.service'));
  await symlink('../lab-agent.service', join(units, 'multi-user.target.wants/lab-agent.service'));
}

/** Removes the package files that debootstrap leaves in apt's folder. */
export async function removeArchives(root: string): Promise<void> {
  const archives = join(root, 'var/cache/apt/archives');
  for (const name of await readdir(archives)) if (name.endsWith('.deb')) await rm(join(archives, name));
}
