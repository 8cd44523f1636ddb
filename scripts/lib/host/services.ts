/** The systemd units of the package: one loads the crash kernel at boot, one reports after a crash. */
import { type Host, mustRun } from './host.ts';

const UNITS = ['kdumpling-load.service', 'kdumpling-report.service'];
const FOLDERS = ['/etc/systemd/system', '/lib/systemd/system', '/usr/lib/systemd/system'];

/** @returns the units that were switched; none without the package, where the admin arranges `kdumpling load` at boot. */
export function switchUnits(host: Host, action: 'enable' | 'disable'): string[] {
  const systemctl = host.command('systemctl');
  const present = UNITS.filter(unit => FOLDERS.some(folder => host.exists(`${folder}/${unit}`)));
  if (systemctl && present.length > 0) mustRun(host, systemctl, action, ...present);
  return systemctl ? present : [];
}
