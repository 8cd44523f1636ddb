/**
 * An initramfs archive: cpio "newc" (Linux Documentation/driver-api/early-userspace/buffer-format.rst).
 * The same entries give the same bytes: no times and no inode numbers of the host are stored.
 */
import { Buffer } from 'node:buffer';
import { gzipSync } from 'node:zlib';

export type CpioEntry = { readonly path: string; readonly mode: number } & (
  | { readonly kind: 'directory' }
  | { readonly kind: 'file'; readonly bytes: Uint8Array }
  /** The kernel makes no file of it: its bytes stay where the archive is. */
  | { readonly kind: 'left in place'; readonly bytes: Uint8Array }
  | { readonly kind: 'symlink'; readonly to: string }
  | { readonly kind: 'device'; readonly major: number; readonly minor: number }
);

/** The kernel passes over the body of an entry that is neither a file nor a link, as of a socket (Linux init/initramfs.c, do_header). */
const TYPE_BITS = {
  directory: 0o040000,
  file: 0o100000,
  symlink: 0o120000,
  device: 0o020000,
  'left in place': 0o140000,
} as const;
/** In bytes, of a record's header. */
const HEADER_BYTES = 110;
const TRAILER = 'TRAILER!!!';

/** The pieces of the archive, in the order of the entries. A directory must come before its contents. */
export function* encodeCpio(entries: Iterable<CpioEntry>): Generator<Uint8Array> {
  let ino = 1;
  for (const entry of entries) {
    const body = bodyOf(entry);
    yield* record(entry.path, ino++, TYPE_BITS[entry.kind] | entry.mode, body, entry);
  }
  yield* record(TRAILER, 0, 0, Buffer.alloc(0));
}

/**
 * The same, compressed by gzip, and with zeros behind it so that another archive may follow: the kernel unpacks one after
 * the other, and takes an uncompressed one at multiples of 4 only (Linux init/initramfs.c, unpack_to_rootfs).
 */
export function* encodeCompressedCpio(entries: Iterable<CpioEntry>): Generator<Uint8Array> {
  const compressed = gzipSync(Buffer.concat([...encodeCpio(entries)]), { level: 9 });
  yield compressed;
  yield padding(compressed.length);
}

/** Where the bytes of an archive's first entry are in it. */
export function firstBodyOffset(path: string): number {
  const nameEnd = HEADER_BYTES + Buffer.byteLength(path) + 1;
  return nameEnd + padding(nameEnd).length;
}

function bodyOf(entry: CpioEntry): Uint8Array {
  if (entry.kind === 'file' || entry.kind === 'left in place') return entry.bytes;
  return entry.kind === 'symlink' ? Buffer.from(entry.to) : Buffer.alloc(0);
}

function* record(
  path: string,
  ino: number,
  mode: number,
  body: Uint8Array,
  entry?: CpioEntry,
): Generator<Uint8Array> {
  const name = Buffer.from(`${path}\0`);
  const nlink = entry?.kind === 'directory' ? 2 : 1;
  const [major, minor] = entry?.kind === 'device' ? [entry.major, entry.minor] : [0, 0];
  // ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check
  const fields = [ino, mode, 0, 0, nlink, 0, body.length, 0, 0, major, minor, name.length, 0];
  const header = `070701${fields.map(field => field.toString(16).padStart(8, '0')).join('')}`;
  yield Buffer.from(header);
  yield name;
  yield padding(header.length + name.length);
  if (body.length > 0) yield body;
  yield padding(body.length);
}

function padding(length: number): Uint8Array {
  return Buffer.alloc((4 - (length % 4)) % 4);
}
