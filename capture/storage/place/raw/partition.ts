/** Opens a marked partition and fills it with a dump's files. A partition that is not marked is never written to. */
import { closeSync, constants, fdatasyncSync, openSync, readSync, writeSync } from 'node:fs';
import { TargetError } from '../../../errors.ts';
import { crc32 } from '../../../kdump/format/crc32.ts';
import type { ByteSource } from '../../../vmcore/source.ts';
import { otherSignature, type ReadBytes } from '../../device/signatures.ts';
import { decodeSuperblock, SUPERBLOCK_BYTES } from '../../device/superblock.ts';
import type { ManifestFile } from '../../manifest.ts';
import { inBatches } from '../directory.ts';
import { openFileSink } from '../file-sink.ts';
import { type DumpFile, type DumpPlace, incompleteName, type LentRoom } from '../place.ts';
import {
  encodeSlot,
  FILE_ALIGN_BYTES,
  FILES_OFFSET,
  type RawFile,
  type RawSlot,
  readContents,
  slotOffset,
} from './layout.ts';

const WINDOW_BYTES = 1 << 20;

export interface RawPartition {
  /** @throws TargetError when it already holds a dump, which is never overwritten. */
  createPlace(stamp: string): DumpPlace;
  close(): void;
}

/** @throws TargetError for a partition that is not marked, or that has the signature of something else. */
export function openRawPartition(node: string, sizeBytes: number): RawPartition {
  // O_EXCL fails for a block device that is mounted or mapped.
  const fd = openSync(node, constants.O_RDWR | constants.O_EXCL);
  const read = reader(fd);
  try {
    const found = readContents(read);
    const foreign = foreignContents(read, sizeBytes);
    if (!found || foreign) throw notOurs(node, foreign);
    return {
      createPlace: stamp => createPlace(node, fd, sizeBytes, found, stamp),
      close: () => closeSync(fd),
    };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** The file system, RAID or LVM whose signature is there; undefined for none. */
export function foreignContents(read: ReadBytes, sizeBytes: number): string | undefined {
  return decodeSuperblock(read(0, SUPERBLOCK_BYTES))?.fstype ?? otherSignature(read, sizeBytes);
}

export function reader(fd: number): ReadBytes {
  return (offset, lengthBytes) => {
    const bytes = new Uint8Array(lengthBytes);
    return bytes.subarray(0, readSync(fd, bytes, 0, lengthBytes, offset));
  };
}

function createPlace(node: string, fd: number, sizeBytes: number, found: RawSlot, stamp: string): DumpPlace {
  if (found.stamp !== null) {
    throw new TargetError('RAW_TAKEN', {
      action: `write a dump to ${node}`,
      actual: `it holds the dump ${found.stamp}`,
      toDo: 'take it out and clear the partition with kdumpling recover --clear',
    });
  }
  const ledger = openLedger(fd, { ...found, stamp });
  const lender = openLender(node, fd, sizeBytes);
  return {
    pathOnHost: node,
    name: stamp,
    get mostFileBytes() {
      return lender.end() - ledger.end();
    },
    lend: lentBytes => lender.lend(ledger.end(), lentBytes),
    writeDurably(name, text): ManifestFile {
      const offset = ledger.end();
      const sink = openSink(node, fd, offset, lender.end);
      let bytes = 0;
      let sum = 0;
      for (const piece of inBatches(text)) {
        const batch = Buffer.from(piece);
        sink.writeAt(batch, bytes);
        bytes += batch.length;
        sum = crc32(batch, sum);
      }
      ledger.add({ name, offset, bytes, crc32: sum.toString(16).padStart(8, '0') });
      return { name, bytes };
    },
    create: name => createFile(node, fd, lender.end, name, ledger),
  };
}

/** Lends the end of the partition, except for the last MiB: the signatures of other systems are searched for there. */
function openLender(node: string, fd: number, sizeBytes: number) {
  const last = Math.floor(sizeBytes / FILE_ALIGN_BYTES) * FILE_ALIGN_BYTES - FILES_OFFSET;
  let lentBytes = 0;
  return {
    end: () => (lentBytes === 0 ? sizeBytes : last - lentBytes),
    lend(filesEnd: number, wantedBytes: number): LentRoom {
      const takenBytes = Math.ceil(wantedBytes / FILE_ALIGN_BYTES) * FILE_ALIGN_BYTES;
      const offset = last - lentBytes - takenBytes;
      if (offset < filesEnd) {
        throw new TargetError('ENOSPC', {
          action: `work with ${wantedBytes} bytes of ${node}`,
          actual: `it has ${Math.max(0, last - lentBytes - filesEnd)} bytes left`,
          wanted: 'a larger partition',
        });
      }
      lentBytes += takenBytes;
      return {
        fd,
        offset,
        giveBack() {
          lentBytes -= takenBytes;
        },
      };
    },
  };
}

/** The files in order, and where the next one may begin. */
interface Ledger {
  end(): number;
  /** Syncs the file's data before it names the file. */
  add(file: RawFile): void;
}

function openLedger(fd: number, contents: RawSlot): Ledger {
  let now = writeSlot(fd, contents);
  let end = FILES_OFFSET;
  return {
    end: () => end,
    add(file) {
      fdatasyncSync(fd);
      now = writeSlot(fd, { ...now, files: [...now.files, file] });
      end = file.offset + Math.ceil(file.bytes / FILE_ALIGN_BYTES) * FILE_ALIGN_BYTES;
    },
  };
}

/** Nothing else is added before it is committed or closed, because its final size is not known. */
function createFile(node: string, fd: number, endOf: () => number, name: string, ledger: Ledger): DumpFile {
  const offset = ledger.end();
  const sink = openSink(node, fd, offset, endOf);
  let bytes = 0;
  let isDone = false;
  return {
    incompleteName: incompleteName(name),
    fd,
    startOffset: offset,
    sink: {
      writeAt(piece, at) {
        sink.writeAt(piece, at);
        bytes = Math.max(bytes, at + piece.length);
      },
      sync: () => sink.sync(),
    },
    readBack: () => section(node, fd, offset, bytes),
    commit() {
      ledger.add({ name, offset, bytes });
      isDone = true;
    },
    setLength(sizeBytes) {
      bytes = sizeBytes;
    },
    // close() adds it under its incomplete name.
    keep: () => fdatasyncSync(fd),
    discard() {
      isDone = true;
    },
    close() {
      if (isDone) return;
      try {
        ledger.add({ name: incompleteName(name), offset, bytes });
      } catch {
        // The error that prevented the commit is the one to report.
      }
    },
  };
}

/** @param endOf where files must end, in bytes of the partition. */
function openSink(node: string, fd: number, start: number, endOf: () => number) {
  const sink = openFileSink(fd, node, { durable: true });
  return {
    writeAt(bytes: Uint8Array, offset: number) {
      if (start + offset + bytes.length > endOf()) {
        throw new TargetError('ENOSPC', {
          action: 'write the dump',
          actual: `${node} has ${endOf()} bytes`,
        });
      }
      sink.writeAt(bytes, start + offset);
    },
    sync: () => sink.sync(),
  };
}

/** A part of the partition as a readable file. Closing it leaves the partition open. */
export function section(
  name: string,
  fd: number,
  start: number,
  sizeBytes: number,
): ByteSource & { close(): void } {
  const buffer = new Uint8Array(WINDOW_BYTES);
  const readAt = (into: Uint8Array, offset: number): number => {
    let got = 0;
    const wanted = Math.min(into.length, sizeBytes - offset);
    while (got < wanted) {
      const count = readSync(fd, into, got, wanted - got, start + offset + got);
      if (count === 0) break;
      got += count;
    }
    return got;
  };
  return {
    name,
    sizeBytes,
    maxWindowBytes: WINDOW_BYTES,
    readAt,
    window(offset, lengthBytes) {
      if (lengthBytes > WINDOW_BYTES || offset < 0 || offset + lengthBytes > sizeBytes) {
        throw new RangeError(`no window of ${lengthBytes} bytes at ${offset} in ${name} of ${sizeBytes}`);
      }
      const bytes = buffer.subarray(0, lengthBytes);
      bytes.fill(0, readAt(bytes, offset));
      return bytes;
    },
    close() {},
  };
}

/** Writes the next generation. It is on the disk when this returns. */
export function writeSlot(fd: number, contents: RawSlot): RawSlot {
  const slot = { ...contents, generation: contents.generation + 1 };
  writeSync(fd, encodeSlot(slot), 0, undefined, slotOffset(slot.generation));
  fdatasyncSync(fd);
  return slot;
}

function notOurs(node: string, foreign: string | undefined): TargetError {
  return new TargetError('NOT_OURS', {
    action: `write a dump to the bare ${node}`,
    actual: foreign ? `it seems to hold ${foreign}` : 'it is not marked as kdumpling’s',
    wanted: 'a partition that kdumpling recover --mark has prepared',
  });
}
