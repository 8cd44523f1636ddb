/** A bare partition that takes dumps: marked, read, cleared. capture/storage/place/raw/layout.ts has how it is laid out. */
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
/** Room for a kernel's log and a small dump at the least. */
const LEAST_BYTES = 16 << 20;

/** @throws TargetError unless it is large enough and its first MiB is zeros, or it was marked before and is empty. */
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
    if (known?.stamp) throw refuse(`it holds the dump of ${known.stamp}`);
    if (known) return;
    const foreign = foreignContents(read, sizeBytes);
    if (foreign) throw refuse(`it seems to hold ${foreign}`);
    if (read(0, FILES_OFFSET).some(byte => byte !== 0)) throw refuse('its first MiB is not empty');
    // Both slots: neither may be left to what was there before.
    writeSlot(fd, writeSlot(fd, { ...EMPTY, generation: 0 }));
  });
}

export interface Extracted {
  readonly path: string;
  readonly files: readonly string[];
  /** Names of those that are not what was written. */
  readonly damaged: readonly string[];
}

/** @throws TargetError when there is no dump of ours; what Node throws when DIRECTORY does not take it. */
export function extractPartition(path: string, directory: string): Extracted {
  return withPartition(path, 'r', (fd, sizeBytes) => {
    const { stamp, files } = requireContents(path, fd);
    if (stamp === null) throw noDump(path, 'it is marked, and holds no dump');
    const into = join(directory, stamp);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    mkdirSync(into, { mode: 0o700 });
    const damaged = files.filter(file => !copyOut(path, fd, sizeBytes, file, join(into, file.name)));
    return { path: into, files: files.map(({ name }) => name), damaged: damaged.map(({ name }) => name) };
  });
}

/** @throws TargetError when it is none of ours. */
export function clearPartition(path: string): void {
  withPartition(path, 'r+', fd => {
    writeSlot(fd, { ...EMPTY, generation: requireContents(path, fd).generation });
  });
}

/** Returns whether it was there in full and with its checksum. */
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

/** Files are taken too: images of disks. */
function withPartition<T>(path: string, flags: 'r' | 'r+', work: (fd: number, sizeBytes: number) => T): T {
  const fd = openSync(path, flags === 'r' ? constants.O_RDONLY : constants.O_RDWR | constants.O_EXCL);
  try {
    return work(fd, fstatSync(fd).isBlockDevice() ? blockDeviceBytes(fd) : fstatSync(fd).size);
  } finally {
    closeSync(fd);
  }
}

/** A block device's status has no size: the last byte that can be read tells. */
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
