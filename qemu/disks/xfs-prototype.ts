/** A folder as mkfs.xfs(8) takes it with -p: one line for each entry, and a `$` at the end of each directory. */
import { lstatSync, readdirSync, readlinkSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { SystemError } from '../../capture/errors.ts';

/** Modes, owners, links and devices are kept. The format has no sticky bit, and sockets are left out. */
export function xfsPrototype(contents: string): string {
  const root = lstatSync(contents);
  // A boot file and sizes, which mkfs.xfs reads and leaves alone.
  return ['/', '0 0', modeOf('d', root), ...entriesOf(contents), '$', ''].join('\n');
}

function entriesOf(directory: string): string[] {
  return readdirSync(directory).flatMap(name => {
    const path = join(directory, name);
    const stats = lstatSync(path);
    const line = (type: string, rest = '') => `${nameIn(path, name)} ${modeOf(type, stats)}${rest}`;
    if (stats.isDirectory()) return [line('d'), ...entriesOf(path), '$'];
    if (stats.isFile()) return [line('-', ` ${nameIn(path, path)}`)];
    if (stats.isSymbolicLink()) return [line('l', ` ${nameIn(path, readlinkSync(path))}`)];
    if (stats.isFIFO()) return [line('p')];
    if (stats.isCharacterDevice()) return [line('c', deviceOf(stats))];
    if (stats.isBlockDevice()) return [line('b', deviceOf(stats))];
    return [];
  });
}

/** `-u-755 0 0`: the type, setuid, setgid, the permissions, the owner and the group. */
function modeOf(type: string, { mode, uid, gid }: Stats): string {
  const permissions = (mode & 0o777).toString(8).padStart(3, '0');
  return `${type}${mode & 0o4000 ? 'u' : '-'}${mode & 0o2000 ? 'g' : '-'}${permissions} ${uid} ${gid}`;
}

/** As glibc packs it (gnu_dev_major, gnu_dev_minor). */
function deviceOf({ rdev }: Stats): string {
  const major = (rdev >>> 8) & 0xfff;
  const minor = (rdev & 0xff) | ((rdev >>> 12) & 0xfff00);
  return ` ${major} ${minor}`;
}

/** The format separates by blanks and has no quotes. */
function nameIn(path: string, text: string): string {
  if (!/\s/.test(text)) return text;
  throw new SystemError('XFS_NAME', {
    action: `make an XFS file system with ${path}`,
    actual: 'there is a blank in its name',
    wanted: 'a name without blanks, which mkfs.xfs can read',
  });
}
