/** Makes the unit that reports crashes wait for the mounts that dumps are on: RequiresMountsFor= in systemd.unit(5). */
import { rmdirSync } from 'node:fs';
import type { Settings } from '../config/directives.ts';
import { type Host, mustRun } from '../host/host.ts';
import { mountsForDumps } from './host-target.ts';

const UNIT = 'kdumpling-report.service';
const UNIT_FOLDERS = ['/lib/systemd/system', '/usr/lib/systemd/system'];
const FOLDER = `/etc/systemd/system/${UNIT}.d`;
const DROP_IN = `${FOLDER}/mounts.conf`;

/** Without the package's unit nothing is written. @throws TargetError of the target, SystemError of systemctl. */
export function writeUnitMounts(host: Host, settings: Settings): void {
  if (!UNIT_FOLDERS.some(folder => host.exists(`${folder}/${UNIT}`))) return;
  const directories = mountsForDumps(host, settings);
  if (directories.length === 0) {
    removeUnitMounts(host);
    return;
  }
  const text = `# Written by kdumpling: where dumps are.\n[Unit]\nRequiresMountsFor=${directories.map(quote).join(' ')}\n`;
  if (host.read(DROP_IN) === text) return;
  host.write(DROP_IN, text);
  reload(host);
}

export function removeUnitMounts(host: Host): void {
  if (!host.exists(DROP_IN)) return;
  host.remove(DROP_IN);
  if (host.list(FOLDER).length === 0) rmdirSync(host.path(FOLDER));
  reload(host);
}

function reload(host: Host): void {
  const systemctl = host.command('systemctl');
  if (systemctl && host.exists('/run/systemd/system')) mustRun(host, systemctl, 'daemon-reload');
}

/** In systemd's syntax: `%` begins a specifier. */
function quote(path: string): string {
  return `"${path.replace(/["\\]/g, '\\$&').replaceAll('%', '%%')}"`;
}
