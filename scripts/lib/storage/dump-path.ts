/** Whether a capture can use the dump directory: it follows no symbolic links and makes what is missing. */
import { lstatSync } from 'node:fs';
import type { Host } from '../host/host.ts';
import { prefixesOf } from '../host/mounts.ts';
import type { HostTarget } from './host-target.ts';

/** What is in the way on the path below the file system's root, or undefined. */
export function pathObstacle(host: Host, { directory, path }: HostTarget): string | undefined {
  if (directory === undefined) return undefined;
  // The components that belong to the file system, and not to the path of its mount point.
  const own = path.split('/').filter(part => part !== '').length;
  for (const component of prefixesOf(directory).slice(own === 0 ? Infinity : -own)) {
    const status = lstatSync(host.entry(component), { throwIfNoEntry: false });
    if (!status) return undefined;
    if (status.isSymbolicLink())
      return `${component} is a symbolic link to ${host.resolve(component) ?? 'nothing'}`;
    if (!status.isDirectory()) return `${component} is not a directory`;
  }
  return undefined;
}

/** Who besides root could put a dump into the directory or take one away; undefined where nobody can. */
export function ownershipFlaw(host: Host, directory: string): string | undefined {
  const status = lstatSync(host.path(directory), { throwIfNoEntry: false });
  if (!status?.isDirectory()) return undefined;
  if (status.uid !== 0) return `${directory} belongs to user ${status.uid}`;
  if ((status.mode & OTHERS_WRITE) !== 0) return `every user may write to ${directory}`;
  return (status.mode & GROUP_WRITES) === 0 || status.gid === 0
    ? undefined
    : `the members of group ${status.gid} may write to ${directory}`;
}

const OTHERS_WRITE = 0o002;
const GROUP_WRITES = 0o020;
