/** What is mounted where (proc_pid_mountinfo(5)). */

export interface Mount {
  readonly id: string;
  /** The mount that this one is mounted on. */
  readonly parent: string;
  /** `major:minor`; for btrfs and other file systems without a single device, an anonymous number. */
  readonly device: string;
  /** The part of the file system that is mounted: `/`, or a directory or subvolume. */
  readonly root: string;
  readonly mountpoint: string;
  readonly fstype: string;
  readonly source: string;
  readonly options: readonly string[];
}

export function parseMountinfo(text: string): Mount[] {
  return text
    .split('\n')
    .map(line => /^(\d+) (\d+) (\S+) (\S+) (\S+) (\S+) (?:\S+ )*?- (\S+) (\S+) ?(\S*)$/.exec(line))
    .filter(match => match !== null)
    .map(([, id, parent, device, root, mountpoint, options, fstype, source, superOptions]) => ({
      id: id!,
      parent: parent!,
      device: device!,
      root: decodeEscapes(root!),
      mountpoint: decodeEscapes(mountpoint!),
      fstype: fstype!,
      source: decodeEscapes(source!),
      options: [...options!.split(','), ...superOptions!.split(',')],
    }));
}

/** The mount on which a path is seen: found as the kernel does, by crossing mount points from the root on. */
export function mountOf(mounts: readonly Mount[], path: string): Mount | undefined {
  const ids = new Set(mounts.map(({ id }) => id));
  const isTop = ({ id, parent }: Mount) => id === parent || !ids.has(parent);
  let current: Mount | undefined;
  for (const prefix of prefixesOf(path)) {
    // Several mounts on one mount point are each mounted on the one before.
    for (let crossed = 0; crossed < mounts.length; crossed++) {
      const on = current;
      const next = mounts.findLast(
        mount => mount.mountpoint === prefix && (on ? mount.parent === on.id && mount !== on : isTop(mount)),
      );
      if (!next) break;
      current = next;
    }
  }
  return current;
}

/** A path from the root of the file system itself, whatever part of it is mounted. */
export function pathInFileSystem({ root, mountpoint }: Mount, path: string): string {
  return join(root, path.slice(mountpoint === '/' ? 0 : mountpoint.length));
}

/** The reverse: where a path of the file system is below this mount; undefined when the mount does not include it. */
export function pathOnMachine(
  { root, mountpoint }: Pick<Mount, 'root' | 'mountpoint'>,
  path: string,
): string | undefined {
  return isWithin(path, root) ? join(mountpoint, path.slice(root === '/' ? 0 : root.length)) : undefined;
}

/** `/`, `/var`, `/var/crash` for `/var/crash`. */
export function prefixesOf(path: string): string[] {
  const parts = path.split('/').filter(part => part !== '');
  return ['/', ...parts.map((_, i) => `/${parts.slice(0, i + 1).join('/')}`)];
}

function isWithin(path: string, directory: string): boolean {
  return directory === '/' || path === directory || path.startsWith(`${directory}/`);
}

function join(directory: string, rest: string): string {
  return `${directory === '/' ? '' : directory}${rest === '/' ? '' : rest}` || '/';
}

/** The kernel writes blanks and backslashes in octal. */
export function decodeEscapes(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)));
}
