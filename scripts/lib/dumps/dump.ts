/** One dump of this machine, whichever program made it: what is in it and in what state, by names and heads alone. */
import { lstatSync, type Stats } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Manifest, ManifestFile } from '../../../capture/storage/manifest.ts';
import {
  type DumpVerdict,
  isDumpDirectory,
  judgeDump,
  readDumpFacts,
} from '../../../capture/storage/policy/dump-state.ts';
import { isTrusted } from '../../../capture/storage/policy/ownership.ts';
import { ManifestDamage } from '../../../capture/storage/read-manifest.ts';
import type { Host } from '../host/host.ts';
import { type ChosenFiles, chooseDumpFiles } from './choose-file.ts';
import { readDumpHead } from './dump-file.ts';
import { KDUMPLING, type LaidOut, layOut, UNKNOWN_PROGRAM } from './layouts.ts';
import { checkManifest } from './manifest-schema.ts';

export interface StoredFile extends ManifestFile {
  readonly diskBytes: number;
}

/** The state is found in no time; `kdumpling verify` reads all the bytes. */
export interface Dump extends DumpVerdict, ChosenFiles {
  readonly id: string;
  /** On the host. Of a dump that is a file on its own: where the file is. */
  readonly directory: string;
  /** Made by kdumpling and not renamed, and so kdumpling's to delete. */
  readonly isOurs: boolean;
  /** `kdumpling`, `kdump-tools` …, or `another program`. */
  readonly madeBy: string;
  /** When it crashed, as far as it is known. */
  readonly time: Date;
  /** By what: a clock that was set, one that was not, or when the dump's file was written. */
  readonly timeBy: 'clock' | 'unset clock' | 'file';
  /** All its files together. */
  readonly bytes: number;
  /** What they take on disk: less than `bytes` where they have holes. */
  readonly diskBytes: number;
  /** Its regular files, by name. */
  readonly files: readonly StoredFile[];
  /** The first of `dumpFiles`; undefined where there is a log and no more. */
  readonly dumpFile?: string;
  /** The name of the kernel log as text. */
  readonly logFile?: string;
  /** Undefined for a dump of another program, and for one that has none or a damaged one. */
  readonly manifest?: Manifest;
  /** Of a manifest that is there and cannot be used. */
  readonly manifestDamage?: string;
}

/**
 * Undefined for a directory without a dump or a log.
 * @param isOwn whose files count. @throws what Node's calls throw.
 */
export function dumpInDirectory(host: Host, directory: string, isOwn = isTrusted): Dump | undefined {
  const path = host.entry(directory);
  const id = basename(directory);
  const facts = readDumpFacts(dirname(path), id, checkManifest, isOwn);
  const files = [...facts.files].flatMap(([name, bytes]) =>
    bytes === undefined ? [] : { name, bytes, diskBytes: diskBytesOf(lstatSync(join(path, name))) },
  );
  const isOurs = isDumpDirectory(facts);
  const laidOut = layOut(id, files);
  const manifest = facts.manifest instanceof ManifestDamage ? undefined : facts.manifest;
  if (!isOurs && !laidOut && !manifest) return undefined;
  const chosen = chooseDumpFiles(laidOut ?? {}, files, manifest);
  const timed = laidOut?.dump ?? laidOut?.incompleteDump ?? laidOut?.triage ?? laidOut?.log;
  return {
    id,
    directory,
    isOurs,
    madeBy: isOurs || manifest ? KDUMPLING : laidOut!.madeBy,
    ...timeOf(lstatSync(timed && !isOurs ? join(path, timed) : path), manifest),
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    diskBytes: files.reduce((sum, { diskBytes }) => sum + diskBytes, 0),
    files,
    ...chosen,
    dumpFile: chosen.dumpFiles[0],
    logFile: laidOut?.log,
    manifest,
    ...(facts.manifest instanceof ManifestDamage && { manifestDamage: facts.manifest.why }),
    ...(isOurs || facts.manifest ? judgeDump(facts) : judgeForeign(path, laidOut!)),
  };
}

/** Whether a file among the dumps is one itself. A core of a process, or vmlinux, is no dump of a machine. */
export function isDumpFile(host: Host, file: string): boolean {
  const { format } = readDumpHead(host.entry(file));
  if (format === 'ELF' || format === 'compressed') return /^(vmcore|dump)/.test(basename(file));
  return format !== undefined;
}

/** A dump that is a file and no more. @throws SystemError for what is no regular file; what Node's calls throw. */
export function fileOnItsOwn(host: Host, file: string): Dump {
  const status = lstatSync(host.entry(file));
  const name = basename(file);
  return {
    id: name,
    directory: dirname(file),
    isOurs: false,
    madeBy: UNKNOWN_PROGRAM,
    ...timeOf(status, undefined),
    bytes: status.size,
    diskBytes: diskBytesOf(status),
    files: [{ name, bytes: status.size, diskBytes: diskBytesOf(status) }],
    dumpFiles: [name],
    dumpFile: name,
    ...judgeHead(host.entry(file), 'its program'),
  };
}

/** Of a dump that another program made: its name and its head are all there is to go by. */
function judgeForeign(path: string, { madeBy, dump, incompleteDump, triage }: LaidOut): DumpVerdict {
  if (dump === undefined) {
    if (incompleteDump === undefined && triage !== undefined)
      return { state: 'incomplete', why: `there is ${triage} and no vmcore` };
    return incompleteDump === undefined
      ? { state: 'missing', why: 'there is a kernel log and no dump' }
      : { state: 'incomplete', why: `${madeBy} did not finish ${incompleteDump}` };
  }
  return judgeHead(join(path, dump), madeBy);
}

function judgeHead(path: string, program: string): DumpVerdict {
  const { format, isEmpty, incomplete, compressor } = readDumpHead(path);
  if (format === undefined) {
    const what = isEmpty
      ? 'is empty'
      : 'is not a dump: it is neither kdump-compressed, an ELF core nor flattened';
    return { state: 'damaged', why: `${basename(path)} ${what}` };
  }
  if (incomplete !== undefined) return { state: 'incomplete', why: incomplete };
  const closed = compressor ? `, and it is compressed with ${compressor}` : '';
  return { state: 'complete', why: `by its name; ${program} did not read it back${closed}` };
}

/** stat(2) counts in units of 512 bytes on every file system. */
export function diskBytesOf({ blocks }: Stats): number {
  return blocks * 512;
}

function timeOf({ mtime }: Stats, manifest: Manifest | undefined): Pick<Dump, 'time' | 'timeBy'> {
  if (!manifest) return { time: mtime, timeBy: 'file' };
  if (manifest.stamp.trusted) return { time: new Date(manifest.stamp.time), timeBy: 'clock' };
  return { time: mtime, timeBy: 'unset clock' };
}
