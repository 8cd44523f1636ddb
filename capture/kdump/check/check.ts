/** Checks a kdump-compressed file with nothing but itself: its head, every descriptor, every page. */
import type { PageCodecs } from '../../codecs/codec.ts';
import { counted, Failure } from '../../errors.ts';
import type { PfnRange } from '../../vmcore/segments.ts';
import type { ByteSource } from '../../vmcore/source.ts';
import { DUMP_DH_COMPRESSED_INCOMPLETE } from '../format/header.ts';
import { openKdumpFile } from '../read/file.ts';
import type { Steps } from '../steps.ts';
import { headDamage } from './head.ts';
import { checkPages, type PageCheck } from './pages.ts';

export interface Damage {
  /**
   * `incomplete`: pages are missing, and the file says so. `contradiction`: two statements in the file disagree, which the
   * writer may have caused. Otherwise what the file holds is not what any writer leaves.
   */
  readonly kind: 'damage' | 'incomplete' | 'contradiction';
  /** A region of the digest, or the whole file. */
  readonly region: 'head' | 'descriptors' | 'data' | 'file';
  readonly text: string;
  /** From the first to the last affected page; there may be intact ones in between. */
  readonly pfns?: PfnRange;
  readonly pages?: number;
}

export interface DumpCheck {
  readonly damage: readonly Damage[];
  readonly isIncomplete: boolean;
  readonly pages: number;
  readonly pagesUnprotected: number;
  readonly pagesMissing: number;
}

/** Pages this close to each other are reported as one range. */
const NEAR_PAGES = 64;
const MOST_RANGES = 64;

/** @throws SystemError when the file cannot be read, or a codec's library is not available. */
export function* checkSteps(
  source: ByteSource,
  codecs: PageCodecs,
  onProgress?: (pagesDone: number, pagesTotal: number) => void,
): Steps<DumpCheck> {
  const nothing = { isIncomplete: false, pages: 0, pagesUnprotected: 0, pagesMissing: 0 };
  let file: ReturnType<typeof openKdumpFile>;
  try {
    file = openKdumpFile(source);
  } catch (error) {
    if (!(error instanceof Failure) || error.code === 'READ_FAILED') throw error;
    return { ...nothing, damage: [{ kind: 'damage', region: 'head', text: error.message }] };
  }
  const damage: Damage[] = headDamage(file, codecs.flags).map(finding => ({ region: 'head', ...finding }));
  const ranges = new DamageRanges();
  const counts = yield* checkPages(file, codecs, {
    onProgress,
    onDamage: (region, text, pfn) => {
      if (pfn === undefined) damage.push({ kind: 'damage', region, text });
      else ranges.add(region, text, pfn);
    },
  });
  const isIncomplete = (file.header.status & DUMP_DH_COMPRESSED_INCOMPLETE) !== 0;
  damage.push(...ranges.all());
  if (isIncomplete) {
    damage.push({ kind: 'incomplete', region: 'file', text: describeIncomplete(counts) });
  }
  return { ...counts, damage, isIncomplete };
}

/** A mark without missing pages is that of a dump whose input lacked pages, or whose last write did not happen. */
function describeIncomplete({ pages, pagesMissing }: PageCheck): string {
  if (pagesMissing === 0)
    return `it is marked incomplete, although it has all of its ${counted(pages, 'page')}`;
  const verb = pagesMissing === 1 ? 'is' : 'are';
  return `it is marked incomplete: ${pagesMissing} of ${counted(pages, 'page')} ${verb} missing`;
}

/** Collects damaged pages into ranges: a lost disk block damages hundreds of them. */
class DamageRanges {
  readonly #ranges: { region: Damage['region']; text: string; start: number; end: number; pages: number }[] =
    [];

  add(region: Damage['region'], text: string, pfn: number): void {
    const last = this.#ranges.at(-1);
    if (last && (pfn - last.end < NEAR_PAGES || this.#ranges.length >= MOST_RANGES)) {
      if (pfn >= last.end) last.pages++;
      last.end = Math.max(last.end, pfn + 1);
    } else this.#ranges.push({ region, text, start: pfn, end: pfn + 1, pages: 1 });
  }

  all(): Damage[] {
    return this.#ranges.map(({ region, text, start, end, pages }) => ({
      kind: 'damage',
      region,
      text,
      pfns: { start, end },
      pages,
    }));
  }
}
