/**
 * What the unit that reports crashes is told of this machine, as drop-ins (systemd.unit(5)): the mounts that dumps are on,
 * and whether notify_url needs the network, which the packaged unit does not have.
 */
import { rmdirSync } from 'node:fs';
import type { Settings } from '../config/directives.ts';
import { type Host, mustRun } from '../host/host.ts';
import { mountsForDumps } from './host-target.ts';

const UNIT = 'kdumpling-report.service';
const UNIT_FOLDERS = ['/lib/systemd/system', '/usr/lib/systemd/system'];
const FOLDER = `/etc/systemd/system/${UNIT}.d`;

/** What a drop-in says; undefined where none is needed. @throws TargetError of the target */
type DropIn = (host: Host, settings: Settings) => string | undefined;

const DROP_INS: Readonly<Record<string, DropIn>> = {
  [`${FOLDER}/mounts.conf`](host, settings) {
    const directories = mountsForDumps(host, settings);
    if (directories.length === 0) return undefined;
    return `# Written by kdumpling: where dumps are.\n[Unit]\nRequiresMountsFor=${directories.map(quote).join(' ')}\n`;
  },
  [`${FOLDER}/network.conf`](_, { notifyUrl }) {
    if (notifyUrl === undefined) return undefined;
    return '# Written by kdumpling: kdump.conf has notify_url.\n[Service]\nPrivateNetwork=no\nIPAddressDeny=\n';
  },
};

/** Without the package's unit nothing is written. @throws TargetError of the target, SystemError of systemctl. */
export function writeReportUnit(host: Host, settings: Settings): void {
  if (!UNIT_FOLDERS.some(folder => host.exists(`${folder}/${UNIT}`))) return;
  change(host, dropIn => dropIn(host, settings));
}

export function removeReportUnit(host: Host): void {
  change(host, () => undefined);
}

function change(host: Host, textOf: (dropIn: DropIn) => string | undefined): void {
  const wanted = Object.entries(DROP_INS).map(([path, dropIn]) => ({ path, text: textOf(dropIn) }));
  const changed = wanted.filter(({ path, text }) => host.read(path) !== text);
  if (changed.length === 0) return;
  for (const { path, text } of changed) {
    if (text === undefined) host.remove(path);
    else host.write(path, text);
  }
  if (host.exists(FOLDER) && host.list(FOLDER).length === 0) rmdirSync(host.path(FOLDER));
  const systemctl = host.command('systemctl');
  if (systemctl && host.exists('/run/systemd/system')) mustRun(host, systemctl, 'daemon-reload');
}

/** In systemd's syntax: `%` begins a specifier. */
function quote(path: string): string {
  return `"${path.replace(/["\\]/g, '\\$&').replaceAll('%', '%%')}"`;
}
