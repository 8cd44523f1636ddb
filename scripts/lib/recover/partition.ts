/** Marks, reads and clears a partition without a file system; capture/storage/place/raw/layout.ts has its layout. */
import { closeSync, constants, fstatSync, mkdirSync, openSync, readSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { TargetError } from '../../../capture/errors.ts';
import {
  EMPTY,
  FILES_OFFSET,
  type RawFile,
  type RawSlot,
  readContents,
} from '../../../capture/storage/place/raw/layout.ts';
import { foreignContents, reader, section, writeSlot } from '../../../capture/storage/place/raw/partition.ts';

const CHUNK_BYTES = 1 << 20;
/** Room for a kernel log and a small dump. */
const LEAST_BYTES = 16 << 20;

/** @throws TargetError unless it is large enough and its first MiB is zeros, or it is already marked and empty. */
export function markPartition(path: string): void {
  withPartition(path, 'r+', (fd, sizeBytes) => {
    const refuse = (actual: string) =>
      new TargetError('NOT_BLANK', {
        action: `mark ${path} as a place for dumps`,
        actual,
        wanted: `a partition of ${LEAST_BYTES >> 20} MiB or more whose first MiB is zeros (after wipefs -a: dd if=/dev/zero of=${path} bs=1M count=1)`,
      });
    if (sizeBytes < LEAST_BYTES) throw refuse(`it has ${sizeBytes} bytes`);
    const read = reader(fd);
    const known = readContents(read);
    if (known?.stamp) throw refuse(`it holds the dump ${known.stamp}`);
    if (known) return;
    const foreign = foreignContents(read, sizeBytes);
    if (foreign) throw refuse(`it seems to hold ${foreign}`);
    if (read(0, FILES_OFFSET).some(byte => byte !== 0)) throw refuse('its first MiB is not all zeros');
    // Both slots, so that nothing old is left in either.
    writeSlot(fd, writeSlot(fd, { ...EMPTY, generation: 0 }));
  });
}

export interface Extracted {
  readonly path: string;
  readonly files: readonly string[];
  /** Names of the files whose size or checksum is wrong. */
  readonly damaged: readonly string[];
}

/** @throws TargetError when there is no kdumpling dump; what Node throws when DIRECTORY cannot be written. */
export function extractPartition(path: string, directory: string): Extracted {
  return withPartition(path, 'r', (fd, sizeBytes) => {
    const { stamp, files } = requireContents(path, fd);
    if (stamp === null) throw noDump(path, 'it is marked and holds no dump');
    const into = join(directory, stamp);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    mkdirSync(into, { mode: 0o700 });
    const damaged = files.filter(file => !copyOut(path, fd, sizeBytes, file, join(into, file.name)));
    return { path: into, files: files.map(({ name }) => name), damaged: damaged.map(({ name }) => name) };
  });
}

/** @throws TargetError for a partition that is not marked. */
export function clearPartition(path: string): void {
  withPartition(path, 'r+', fd => {
    writeSlot(fd, { ...EMPTY, generation: requireContents(path, fd).generation });
  });
}

/** Returns whether the file had its full size and the right checksum. */
function copyOut(path: string, fd: number, sizeBytes: number, file: RawFile, to: string): boolean {
  const bytes = Math.max(0, Math.min(file.bytes, sizeBytes - file.offset));
  const source = section(path, fd, file.offset, bytes);
  const out = openSync(to, 'wx', 0o600);
  let sum = 0;
  let done = 0;
  try {
    const chunk = new Uint8Array(CHUNK_BYTES);
    for (let got = source.readAt(chunk, 0); got > 0; got = source.readAt(chunk, done)) {
      for (let written = 0; written < got; ) written += writeSync(out, chunk, written, got - written);
      sum = crc32(chunk.subarray(0, got), sum);
      done += got;
      if (done >= bytes) break;
    }
  } finally {
    closeSync(out);
  }
  return done === file.bytes && (file.crc32 === undefined || Number.parseInt(file.crc32, 16) === sum);
}

function requireContents(path: string, fd: number): RawSlot {
  const contents = readContents(reader(fd));
  if (contents) return contents;
  throw noDump(path, 'it is not marked as kdumpling’s');
}

function noDump(path: string, actual: string): TargetError {
  return new TargetError('NO_RAW_DUMP', { action: `take a dump out of ${path}`, actual });
}

/** Works on images of disks too. */
function withPartition<T>(path: string, flags: 'r' | 'r+', work: (fd: number, sizeBytes: number) => T): T {
  const fd = openSync(path, flags === 'r' ? constants.O_RDONLY : constants.O_RDWR | constants.O_EXCL);
  try {
    return work(fd, fstatSync(fd).isBlockDevice() ? blockDeviceBytes(fd) : fstatSync(fd).size);
  } finally {
    closeSync(fd);
  }
}

/** fstat(2) gives no size for a block device: the last readable byte is searched for. */
function blockDeviceBytes(fd: number): number {
  const SECTOR = 512;
  const probe = new Uint8Array(1);
  const has = (sector: number) => readSync(fd, probe, 0, 1, sector * SECTOR) === 1;
  let [least, most] = [0, 1];
  while (has(most - 1)) [least, most] = [most, most * 2];
  // `least` sectors are there, `most` are not.
  while (most - least > 1) {
    const middle = Math.floor((least + most) / 2);
    if (has(middle - 1)) least = middle;
    else most = middle;
  }
  return least * SECTOR;
}
