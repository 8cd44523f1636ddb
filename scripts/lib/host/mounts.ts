/** What is mounted where (proc_pid_mountinfo(5)). */

export interface Mount {
  /** `major:minor`; of btrfs and other file systems without one device, an anonymous number. */
  readonly device: string;
  /** What of the file system is mounted: `/`, or a directory or subvolume. */
  readonly root: string;
  readonly mountpoint: string;
  readonly fstype: string;
  readonly source: string;
  readonly options: readonly string[];
}

export function parseMountinfo(text: string): Mount[] {
  return text
    .split('\n')
    .map(line => /^\d+ \d+ (\S+) (\S+) (\S+) (\S+) (?:\S+ )*?- (\S+) (\S+) ?(\S*)$/.exec(line))
    .filter(match => match !== null)
    .map(([, device, root, mountpoint, options, fstype, source, superOptions]) => ({
      device: device!,
      root: decodeEscapes(root!),
      mountpoint: decodeEscapes(mountpoint!),
      fstype: fstype!,
      source: decodeEscapes(source!),
      options: [...options!.split(','), ...superOptions!.split(',')],
    }));
}

/** The mount that a path lies on: of the deepest mount points the last, which hides the others. */
export function mountOf(mounts: readonly Mount[], path: string): Mount | undefined {
  let best: Mount | undefined;
  for (const mount of mounts) {
    if (!isWithin(path, mount.mountpoint)) continue;
    if (!best || mount.mountpoint.length >= best.mountpoint.length) best = mount;
  }
  return best;
}

/** A path as the file system itself has it, whatever part of it is mounted where. */
export function pathInFileSystem({ root, mountpoint }: Mount, path: string): string {
  return join(root, path.slice(mountpoint === '/' ? 0 : mountpoint.length));
}

/** The other way: where a path of the file system is seen on the machine; undefined when this mount does not show it. */
export function pathOnMachine({ root, mountpoint }: Mount, path: string): string | undefined {
  return isWithin(path, root) ? join(mountpoint, path.slice(root === '/' ? 0 : root.length)) : undefined;
}

function isWithin(path: string, directory: string): boolean {
  return directory === '/' || path === directory || path.startsWith(`${directory}/`);
}

function join(directory: string, rest: string): string {
  return `${directory === '/' ? '' : directory}${rest}` || '/';
}

/** The kernel writes blanks and backslashes in octal. */
function decodeEscapes(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)));
}
