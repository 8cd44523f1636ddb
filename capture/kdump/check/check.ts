/** Checks a kdump-compressed file with nothing but itself: its head, every descriptor, every page. */
import type { PageCodecs } from '../../codecs/codec.ts';
import { Failure } from '../../errors.ts';
import type { PfnRange } from '../../vmcore/segments.ts';
import type { ByteSource } from '../../vmcore/source.ts';
import { DUMP_DH_COMPRESSED_INCOMPLETE } from '../format/header.ts';
import { openKdumpFile } from '../read/file.ts';
import type { Steps } from '../steps.ts';
import { headDamage } from './head.ts';
import { checkPages } from './pages.ts';

export interface Damage {
  /** A region of the digest, or the whole file. */
  readonly region: 'head' | 'descriptors' | 'data' | 'file';
  readonly text: string;
  /** From the first to the last page that this is true of; there may be whole ones in between. */
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

/** Pages this near to each other are told as one range. */
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
    return { ...nothing, damage: [{ region: 'head', text: error.message }] };
  }
  const damage: Damage[] = headDamage(file, codecs.flags).map(text => ({ region: 'head', text }));
  const ranges = new DamageRanges();
  const counts = yield* checkPages(file, codecs, {
    onProgress,
    onDamage: (region, text, pfn) => {
      if (pfn === undefined) damage.push({ region, text });
      else ranges.add(region, text, pfn);
    },
  });
  const isIncomplete = (file.header.status & DUMP_DH_COMPRESSED_INCOMPLETE) !== 0;
  damage.push(...ranges.all());
  if (isIncomplete) {
    const text = `it is marked incomplete: ${counts.pagesMissing} of ${counts.pages} pages are missing`;
    damage.push({ region: 'file', text });
  }
  return { ...counts, damage, isIncomplete };
}

/** Damaged pages as ranges: a lost block of a disk damages hundreds, and one line says it. */
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
      region,
      text,
      pfns: { start, end },
      pages,
    }));
  }
}
