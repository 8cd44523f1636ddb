/** Boots of the guest, and time limits for the steps of a story. */
import type { Guest } from './machine.ts';
import { newerKernel } from './repository.ts';

/** Long, for software emulation on a busy host. */
export const BOOT_SECONDS = 1200;
export const INSTALL_SECONDS = 1500;

/** The first boot: mounts the packages' disk and reads it into apt. */
export async function begin(guest: Guest): Promise<void> {
  await come(guest);
  await guest.agent.must('apt-get update', INSTALL_SECONDS);
}

export async function reboot(guest: Guest): Promise<void> {
  guest.agent.send('systemctl reboot');
  await come(guest);
}

/** Installs the newer kernel and boots it. */
export async function updateKernel(guest: Guest): Promise<void> {
  await guest.agent.must(`apt-get install -y ${newerKernel(guest.arch)}`, INSTALL_SECONDS);
  await reboot(guest);
}

/** Waits for a boot that has begun, until all units have started, and mounts the packages' disk. */
export async function come(guest: Guest): Promise<void> {
  await guest.agent.untilBoot(BOOT_SECONDS);
  await settled(guest);
}

export async function settled({ agent }: Guest): Promise<void> {
  await agent.run('systemctl is-system-running --wait', BOOT_SECONDS);
  await agent.must('mountpoint -q /mnt || mount -o ro /dev/vdb /mnt');
}
