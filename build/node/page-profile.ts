/** Which pages of a Node binary a capture touches, as `npm run profile` has seen it in the lab's crash kernels. */
import { existsSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readElfFile } from '../../scripts/lib/debug/elf-file.ts';

/** Pages of a file that follow one another. */
export interface PageRun {
  readonly firstPage: number;
  readonly pages: number;
}

/** Of the crash kernels whose pages were counted. Others have larger ones: theirs would need a profile of their own. */
export const PROFILED_PAGE_BYTES = 4096;

const FOLDER = join(import.meta.dirname, 'profiles');

/**
 * By which captures: those on the ways that most go, whose pages are to be together, or others: of a large machine, for which V8
 * compiles (initrd/image.ts), or where something fails.
 */
export const PROFILE_KINDS = ['usual', 'seldom'] as const;
export type ProfileKind = (typeof PROFILE_KINDS)[number];

export interface NodeProfile {
  readonly usual: readonly PageRun[];
  /** The pages of both kinds. */
  readonly all: readonly PageRun[];
}

export function profilePath(buildId: string, kind: ProfileKind): string {
  return join(FOLDER, `${buildId}.${kind}.txt`);
}

/** In hex; undefined where the binary has none. @param node its path. @throws what Node's calls throw. */
export function buildIdOf(node: string): string | undefined {
  return readElfFile(openSync(node, 'r'))?.buildId;
}

/** Those of one kind; none where there is no such list. */
export function pagesOf(buildId: string, kind: ProfileKind): Set<number> {
  const path = profilePath(buildId, kind);
  return existsSync(path) ? pagesIn(readFileSync(path, 'utf8')) : new Set();
}

/** The profile of this very build of Node; undefined where none was made. @param node its path. @throws what Node's calls throw. */
export function profileOf(node: string): NodeProfile | undefined {
  const buildId = buildIdOf(node);
  const usual = buildId ? pagesOf(buildId, 'usual') : new Set<number>();
  if (!buildId || usual.size === 0) return undefined;
  return { usual: runsOf(usual), all: runsOf(new Set([...usual, ...pagesOf(buildId, 'seldom')])) };
}

/** A line for each run: its first page, and how many there are where that is not one. `#` begins a comment. */
export function encodeProfile(pages: ReadonlySet<number>, remarks: readonly string[]): string {
  const runs = runsOf(pages);
  const lines = runs.map(({ firstPage, pages: count }) =>
    count === 1 ? `${firstPage}` : `${firstPage} ${count}`,
  );
  return `${[...remarks.map(remark => `# ${remark}`), ...lines].join('\n')}\n`;
}

export function pagesIn(profile: string): Set<number> {
  const lines = profile.split('\n').filter(line => /^\d/.test(line));
  return new Set(
    lines.flatMap(line => {
      const [firstPage = 0, count = 1] = line.split(' ').map(Number);
      return Array.from({ length: count }, (_, index) => firstPage + index);
    }),
  );
}

function runsOf(pages: ReadonlySet<number>): PageRun[] {
  const runs: { firstPage: number; pages: number }[] = [];
  for (const page of [...pages].sort((one, other) => one - other)) {
    const run = runs.at(-1);
    if (run && page === run.firstPage + run.pages) run.pages += 1;
    else runs.push({ firstPage: page, pages: 1 });
  }
  return runs;
}
