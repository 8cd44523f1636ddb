/**
 * Which file of a directory is its dump. A dump that is not there, was cut or was never finished is stood in for by the triage
 * dump, which was complete before that dump was begun.
 */
import type { Manifest, ManifestFile } from '../../../capture/storage/manifest.ts';
import type { LaidOut } from './layouts.ts';

export interface ChosenFiles {
  /** The files that hold memory, those that debuggers are to try first first. */
  readonly dumpFiles: readonly string[];
  /** Why the first of them is the triage dump; undefined where it is not. */
  readonly standsInBecause?: string;
}

/** @param files the directory's regular files. @param manifest undefined where there is none that can be used */
export function chooseDumpFiles(
  { dump, incompleteDump, triage }: Pick<LaidOut, 'dump' | 'incompleteDump' | 'triage'>,
  files: readonly ManifestFile[],
  manifest: Pick<Manifest, 'dump'> | undefined,
): ChosenFiles {
  const inOrder = (...names: (string | undefined)[]) => names.filter(name => name !== undefined);
  const written = manifest?.dump?.name === dump ? manifest?.dump : undefined;
  const held = files.find(({ name }) => name === dump)?.bytes;
  const isCut = dump !== undefined && written !== undefined && written.bytes !== held;
  if (dump !== undefined && !isCut) return { dumpFiles: inOrder(dump, triage, incompleteDump) };
  const dumpFiles = inOrder(triage, dump, incompleteDump);
  if (triage === undefined) return { dumpFiles };
  const standsInBecause = isCut
    ? `${dump} has ${held} bytes, and had ${written.bytes} when it was written`
    : incompleteDump === undefined
      ? 'there is no vmcore'
      : `${incompleteDump} was not finished`;
  return { dumpFiles, standsInBecause };
}

/**
 * For people: which file is used, and why. Undefined where nothing stands in.
 * @param used one of `dumpFiles`
 */
export function standInNote(
  { dumpFiles, standsInBecause }: ChosenFiles,
  used = dumpFiles[0],
): string | undefined {
  if (standsInBecause === undefined) return undefined;
  if (used === dumpFiles[0])
    return `${standsInBecause}, so ${used} is used, which has the log, tasks, stacks and modules`;
  return standsInBecause.startsWith(`${used} `)
    ? `${standsInBecause}; the part of it that is there is used`
    : `${standsInBecause}, so ${used} is used`;
}
