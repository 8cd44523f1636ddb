/** Where a capture puts its files: a directory of a file system, or a partition without one. */
import type { DumpSink } from '../../kdump/sink.ts';
import type { ByteSource } from '../../vmcore/source.ts';
import type { ManifestFile } from '../manifest.ts';

/** A place for text: the log and the manifest. */
export interface TextPlace {
  /** The path on the running machine: `/var/crash/<stamp>`, or `/dev/vdb1`. */
  readonly pathOnHost: string;
  /** The stamp, with a suffix if that name was taken. */
  readonly name: string;
  /** A directory for files that last as long as the capture; not every place has one. */
  readonly scratch?: string;
  /** Writes the text under an incomplete name, syncs, and renames it to `name`. */
  writeDurably(name: string, text: Iterable<string>): ManifestFile;
}

/** A place for the bytes of a dump. It can be another one than that of the text. */
export interface BytesPlace {
  /** The largest possible file, if a dump can reach the limit: the rest of a partition, or 4 GiB on FAT. */
  readonly mostFileBytes?: number;
  /** A new file for random access. It is not called `name` before its commit. */
  create(name: string): DumpFile;
}

/** Part of a partition that nothing else uses until it is given back. */
export interface LentRoom {
  readonly fd: number;
  /** In bytes; of a page. */
  readonly offset: number;
  giveBack(): void;
}

export interface DumpPlace extends TextPlace, BytesPlace {
  /**
   * Lends room to work in where there is no directory for it; a dump has less until it is given back. The last is given
   * back first. @throws TargetError when there is too little.
   */
  lend?(sizeBytes: number): LentRoom;
}

export interface DumpFile {
  /** Its name before the commit. */
  readonly incompleteName: string;
  readonly sink: DumpSink;
  /** The descriptor and the offset of the file's first byte in it, for fallocate and fstat. */
  readonly fd: number;
  readonly startOffset: number;
  /** Reads what was written so far, to check it. */
  readBack(): ByteSource & { close(): void };
  /** Syncs the file and durably gives it its final name. */
  commit(): void;
  /** Truncates it. */
  setLength(sizeBytes: number): void;
  /** Syncs the file, which keeps its incomplete name. */
  keep(): void;
  /** Removes it, if the place can. */
  discard(): void;
  close(): void;
}

/** `vmcore` -> `vmcore-incomplete`, `vmcore-dmesg.txt` -> `vmcore-dmesg-incomplete.txt`. */
export function incompleteName(file: string): string {
  return file.replace(/(\.[^.]+)?$/, '-incomplete$1');
}
