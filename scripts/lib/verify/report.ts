/** What `kdumpling verify` found, for people and for programs. */
import type { Damage } from '../../../capture/kdump/check/check.ts';

export interface Verdict {
  readonly path: string;
  readonly whole: boolean;
  /** By what it was judged: the manifest's digests, or nothing but the file. */
  readonly by: 'manifest' | 'file';
  readonly bytes: number;
  /** Looked into; none when the digests said all. */
  readonly pages: number;
  /** Of those, the ones whose damage only a digest would tell. */
  readonly pagesUnprotected: number;
  readonly damage: readonly Damage[];
}

export function printVerdict(verdict: Verdict): void {
  const { path, whole, by, bytes, pages, pagesUnprotected, damage } = verdict;
  for (const line of damage) console.log(`${path}: ${describe(line)}`);
  if (!whole) {
    console.log(`${path}: DAMAGED`);
    return;
  }
  const blind =
    pagesUnprotected > 0 ? `; ${pagesUnprotected} are stored without a checksum of their own` : '';
  const how =
    by === 'manifest' ? "every byte is as the manifest's digests say" : `${pages} pages looked into${blind}`;
  console.log(`${path}: whole, ${(bytes / 1e6).toFixed(1)} MB, ${how}`);
}

function describe({ region, text, pfns, pages = 0 }: Damage): string {
  if (!pfns) return `${region}: ${text}`;
  const which =
    pages > 1 ? `${pages} pages from ${pfns.start} to ${pfns.end - 1}, the first` : `page ${pfns.start}`;
  return `${region}: ${which}: ${text}`;
}
