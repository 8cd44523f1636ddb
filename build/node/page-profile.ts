/** Which pages of a Node binary a capture touches, as `npm run profile` has seen it in the lab's crash kernels. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Pages of a file that follow one another. */
export interface PageRun {
  readonly firstPage: number;
  readonly pages: number;
}

/** Of the crash kernels whose pages were counted. Others have larger ones: theirs would need a profile of their own. */
export const PROFILED_PAGE_BYTES = 4096;

const FOLDER = join(import.meta.dirname, 'profiles');

/** GNU's note with the id of a build: sizes of the name and of the id, the type 3, "GNU" (binutils, ld's --build-id). */
const BUILD_ID_NOTE = Buffer.from([4, 0, 0, 0, 20, 0, 0, 0, 3, 0, 0, 0, 0x47, 0x4e, 0x55, 0]);
const BUILD_ID_BYTES = 20;
/** The note is in the first page of Node. */
const NOTE_WITHIN = 4096;

/** In hex; undefined where the binary has none. */
export function buildIdOf(node: Buffer): string | undefined {
  const at = node.subarray(0, NOTE_WITHIN).indexOf(BUILD_ID_NOTE) + BUILD_ID_NOTE.length;
  return at < BUILD_ID_NOTE.length ? undefined : node.toString('hex', at, at + BUILD_ID_BYTES);
}

export function profilePath(buildId: string): string {
  return join(FOLDER, `${buildId}.txt`);
}

/** The profile of this very build of Node; undefined where none was made. */
export function profileOf(node: Buffer): readonly PageRun[] | undefined {
  const buildId = buildIdOf(node);
  const path = buildId && profilePath(buildId);
  return path && existsSync(path) ? decodeProfile(readFileSync(path, 'utf8')) : undefined;
}

/** A line for each run: its first page, and how many there are where that is not one. `#` begins a comment. */
export function encodeProfile(pages: ReadonlySet<number>, remarks: readonly string[]): string {
  const runs = runsOf([...pages].sort((one, other) => one - other));
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

function decodeProfile(text: string): PageRun[] {
  return runsOf([...pagesIn(text)]);
}

/** @param pages in ascending order */
function runsOf(pages: readonly number[]): PageRun[] {
  const runs: { firstPage: number; pages: number }[] = [];
  for (const page of pages) {
    const run = runs.at(-1);
    if (run && page === run.firstPage + run.pages) run.pages += 1;
    else runs.push({ firstPage: page, pages: 1 });
  }
  return runs;
}
