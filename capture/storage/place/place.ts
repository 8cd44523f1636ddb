/** What a capture fills with files, whatever it is made of: a directory of a file system, or a partition without one. */
import type { DumpSink } from '../../kdump/sink.ts';
import type { ByteSource } from '../../vmcore/source.ts';
import type { ManifestFile } from '../manifest.ts';

export interface DumpPlace {
  /** What a person on the machine itself looks for: `/var/crash/<stamp>`, or `/dev/vdb1`. */
  readonly pathOnHost: string;
  /** The stamp, and a suffix where that was taken. */
  readonly name: string;
  /** A directory for files that live as long as the capture; not every place has one. */
  readonly scratch?: string;
  /** Of a file of it, where there is a limit that a dump can meet: what is left of a partition, a FAT's 4 GiB. */
  readonly mostFileBytes?: number;
  /** Writes the text under a name that says incomplete, syncs, and renames to `name`. */
  writeDurably(name: string, text: Iterable<string>): ManifestFile;
  /** A new file for a writer that goes back and forth in it. Until its commit it is not called `name`. */
  create(name: string): DumpFile;
}

export interface DumpFile {
  /** What it is called until its commit. */
  readonly incompleteName: string;
  readonly sink: DumpSink;
  /** The file's descriptor and the offset of the file's first byte in it, for calls that are about room. */
  readonly fd: number;
  readonly startOffset: number;
  /** What was written so far, for a reader that checks it. */
  readBack(): ByteSource & { close(): void };
  /** Syncs, and makes the name durable under which it is whole. */
  commit(): void;
  /** Cuts it to so many bytes. */
  setLength(sizeBytes: number): void;
  /** Syncs what stays under its first name. */
  keep(): void;
  /** Removes it, where that can be done. */
  discard(): void;
  close(): void;
}

/** `vmcore` -> `vmcore-incomplete`, `vmcore-dmesg.txt` -> `vmcore-dmesg-incomplete.txt`. */
export function incompleteName(file: string): string {
  return file.replace(/(\.[^.]+)?$/, '-incomplete$1');
}
