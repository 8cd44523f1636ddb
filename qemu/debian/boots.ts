/** The guest's boots as the stories see them, and how long each step of a story may take. */
import type { Guest } from './machine.ts';

/** Software emulation on a machine that has other things to do. */
export const BOOT_SECONDS = 1200;
export const INSTALL_SECONDS = 1500;

/** The first boot, with the packages' disk in its place and read by apt. */
export async function begin(guest: Guest): Promise<void> {
  await come(guest);
  await guest.agent.must('apt-get update', INSTALL_SECONDS);
}

export async function reboot(guest: Guest): Promise<void> {
  guest.agent.send('systemctl reboot');
  await come(guest);
}

/** After a boot that is under way: every unit has started, and the packages' disk is in its place. */
export async function come(guest: Guest): Promise<void> {
  await guest.agent.untilBoot(BOOT_SECONDS);
  await settled(guest);
}

export async function settled({ agent }: Guest): Promise<void> {
  await agent.run('systemctl is-system-running --wait', BOOT_SECONDS);
  await agent.must('mountpoint -q /mnt || mount -o ro /dev/vdb /mnt');
}
