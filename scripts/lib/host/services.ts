/** The systemd units that a package brings: what loads the crash kernel at boot, and what reports after a crash. */
import { type Host, mustRun } from './host.ts';

const UNITS = ['kdumpling-load.service', 'kdumpling-report.service'];
const FOLDERS = ['/etc/systemd/system', '/lib/systemd/system', '/usr/lib/systemd/system'];

/** @returns those that there are; without a package there are none, and `kdumpling load` is the boot's own business. */
export function switchUnits(host: Host, action: 'enable' | 'disable'): string[] {
  const systemctl = host.command('systemctl');
  const present = UNITS.filter(unit => FOLDERS.some(folder => host.exists(`${folder}/${unit}`)));
  if (systemctl && present.length > 0) mustRun(host, systemctl, action, ...present);
  return systemctl ? present : [];
}
