/**
 * A machine of which only the disk is here: an image that is built, or a disk that is rescued, mounted below a directory.
 * Its kernel does not run, so that nothing is known of its memory. Its disks are attached to the running machine, whose
 * kernel says what is mounted below the directory.
 */
import { type Host, openHost } from './host.ts';
import { decodeEscapes, mountOf, parseMountinfo } from './mounts.ts';

const MOUNTINFO = '/proc/self/mountinfo';
/** Disks, as the running machine has them. */
const OF_DISKS = /^\/(dev|sys\/(block|devices|class\/block|dev\/block|fs\/btrfs))(\/|$)/;
/** What the image's own kernel would say. */
const OF_KERNEL = /^\/(proc|sys|run)(\/|$)/;
/** /proc never has it. */
const NOTHING = '/proc/none';

/** @param root without links. @param running the machine that the disks are attached to. */
export function openImageHost(root: string, running: Host = openHost()): Host {
  const image = openHost(root);
  const none = openHost(NOTHING);
  const of = (file: string) => (OF_DISKS.test(file) ? running : OF_KERNEL.test(file) ? none : image);
  const read = (file: string) =>
    file === MOUNTINFO ? mountsBelow(root, running.read(MOUNTINFO) ?? '') : of(file).read(file);
  return {
    ...image,
    isImage: true,
    path: file => of(file).path(file),
    entry: file => of(file).entry(file),
    exists: file => of(file).exists(file),
    read,
    readBytes: file => (file === MOUNTINFO ? Buffer.from(read(file) ?? '') : of(file).readBytes(file)),
    sizeBytes: file => of(file).sizeBytes(file),
    list: directory => of(directory).list(directory),
    resolve: file => of(file).resolve(file),
  };
}

/**
 * The lines of mountinfo that are at the root or below it, as the machine would see them. A root that is no mount point
 * is a part of another machine's file system, and the machine's own is not known.
 */
export function mountsBelow(root: string, mountinfo: string): string {
  const top = mountOf(parseMountinfo(mountinfo), root);
  return mountinfo
    .split('\n')
    .filter(line => {
      const [id, , , , mountpoint = ''] = line.split(' ');
      const at = decodeEscapes(mountpoint);
      return at === root ? id === top?.id : at.startsWith(`${root}/`);
    })
    .map(line => {
      const fields = line.split(' ');
      const at = decodeEscapes(fields[4]!);
      return fields.with(4, escaped(at === root ? '/' : at.slice(root.length))).join(' ');
    })
    .join('\n');
}

function escaped(path: string): string {
  return path.replace(/[ \t\n\\]/g, character => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`);
}
