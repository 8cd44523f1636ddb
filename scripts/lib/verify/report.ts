/** The verdict of `kdumpling verify`, as a type and as text. */
import { statSync } from 'node:fs';
import { basename } from 'node:path';
import { counted } from '../../../capture/errors.ts';
import type { Damage } from '../../../capture/kdump/check/check.ts';
import { describeBytes } from '../cli/sizes.ts';
import { diskBytesOf } from '../dumps/dump.ts';

export const VERDICT_FORMAT = 1;

export interface Verdict {
  readonly path: string;
  readonly whole: boolean;
  /** `contradictory`: the pages are intact, but the header disagrees with vmcoreinfo. */
  readonly state: 'whole' | 'incomplete' | 'contradictory' | 'damaged';
  /** Whether the manifest's digests were used, or the file alone. */
  readonly by: 'manifest' | 'file';
  readonly bytes: number;
  /** Pages that were checked one by one; 0 if the digests were enough. */
  readonly pages: number;
  /** Of these, the pages without a checksum, where only a digest detects damage. */
  readonly pagesUnprotected: number;
  readonly damage: readonly Damage[];
}

/** What is known of the file besides what is in it. */
export interface Checked extends Verdict {
  readonly diskBytes: number;
  /** Why it is the triage dump and not the dump. */
  readonly standsInBecause?: string;
}

export function checkedFile(verdict: Verdict, standsInBecause: string | undefined): Checked {
  return { ...verdict, diskBytes: diskBytesOf(statSync(verdict.path)), standsInBecause };
}

/** The document of `kdumpling verify --json`. */
export function verdictData(checked: Checked): unknown {
  return { format: VERDICT_FORMAT, ...checked };
}

export function printVerdict({ standsInBecause, ...verdict }: Checked): void {
  if (standsInBecause !== undefined)
    console.log(`${verdict.path}: ${standsInBecause}, so ${basename(verdict.path)} is checked in its place`);
  const { path, whole, state, by, bytes, diskBytes, pages, pagesUnprotected, damage } = verdict;
  for (const line of damage) console.log(`${path}: ${describe(line)}`);
  if (!whole) {
    console.log(`${path}: ${state.toUpperCase()}`);
    return;
  }
  const blind = pagesUnprotected > 0 ? `; ${pagesUnprotected} of them have no checksum` : '';
  const how =
    by === 'manifest'
      ? "every byte matches the manifest's digests"
      : pages === 0
        ? 'its headers checked; its pages have no checksums'
        : `${counted(pages, 'page')} checked${blind}`;
  const onDisk = diskBytes < bytes ? ` (${describeBytes(diskBytes)} on disk)` : '';
  console.log(`${path}: whole, ${(bytes / 1e6).toFixed(1)} MB${onDisk}, ${how}`);
}

function describe({ region, text, pfns, pages = 0 }: Damage): string {
  if (!pfns) return `${region}: ${text}`;
  const which =
    pages > 1 ? `${pages} pages from ${pfns.start} to ${pfns.end - 1}, the first` : `page ${pfns.start}`;
  return `${region}: ${which}: ${text}`;
}
