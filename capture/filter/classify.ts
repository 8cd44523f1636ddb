/**
 * The page loop of the filter: it classifies pages by their struct pages and clears the bits of those that the dump level
 * leaves out. The order of the checks, and taking compound pages and free blocks whole by their first page, follow
 * makedumpfile's __exclude_unnecessary_pages().
 */
import type { PageLayout } from '../kernel/page-layout.ts';
import type { Bitmap } from './bitmap.ts';
import { excludedClasses, PAGE_CLASS_NAMES, PageClass, type PagesByClass } from './page-class.ts';

/** The largest compound page is 16 GiB of hugetlb in 4 KiB pages. A higher order is damage. */
const MAX_COMPOUND_ORDER = 22;
/** V8 optimizes a function that is called often sooner than one long loop. This halves the time of a first run. */
const SLICE_PAGES = 128;
/** As a mapcount it is that of a page without mappings. */
const ALL_ONES = -1;

/**
 * Struct pages are read as signed words: until V8 has compiled a function, it allocates memory for each number of 2^31 or more,
 * which most pages have as their mapcount.
 */
export class PageClassifier {
  readonly #layout: PageLayout;
  readonly #bitmap2: Bitmap;
  readonly #excluded: Uint8Array;
  readonly #counts = new Float64Array(PAGE_CLASS_NAMES.length);
  /** Where the compound page or free block ends that the last pages were part of. */
  #blockEnd = 0;
  #blockClass: number = PageClass.kernel;
  #invalidOrders = 0;

  constructor(layout: PageLayout, bitmap2: Bitmap, level: number) {
    this.#layout = layout;
    this.#bitmap2 = bitmap2;
    this.#excluded = excludedClasses(level);
  }

  /** Pages seen so far, including those that the level keeps. */
  get counts(): PagesByClass {
    return Object.fromEntries(
      PAGE_CLASS_NAMES.map(name => [name, this.#counts[PageClass[name]]]),
    ) as unknown as PagesByClass;
  }

  /** Free blocks and compound pages with an impossible order. Their pages are kept. */
  get invalidOrders(): number {
    return this.#invalidOrders;
  }

  /** The first page in `[pfn, endPfn)` whose struct page is needed. Those before it belong to a block that is known. */
  skipBlock(pfn: number, endPfn: number): number {
    const stop = Math.min(this.#blockEnd, endPfn);
    if (stop <= pfn || this.#mustLookInto(this.#blockClass)) return pfn;
    this.#takeRange(this.#blockClass, pfn, stop);
    return stop;
  }

  /**
   * Takes `count` pages from `firstPfn` on. `words` holds `held` struct pages, at least `count`: a compound page needs its
   * second one too. Returns how many pages were done: fewer than `count` when a second one is missing, 0 only when `held`
   * is 1.
   */
  take(words: Int32Array, held: number, firstPfn: number, count: number): number {
    let done = 0;
    while (done < count) {
      // A slice is within one chunk of the bitmap: chunks are multiples of it.
      const wanted = Math.min(SLICE_PAGES - ((firstPfn + done) % SLICE_PAGES), count - done);
      const taken = this.#takeSlice(words, done, held, firstPfn + done, wanted);
      done += taken;
      if (taken < wanted) break;
    }
    return done;
  }

  /**
   * Takes `count` pages of an offline memory block from `firstPfn` on: poisoned pages are left out, all others are kept and
   * not counted. A block that was never brought online has garbage for struct pages, so the flag counts only in one that
   * looks like the struct page of a page that nothing uses: not all ones (PAGE_POISON_PATTERN), and without a mapping.
   */
  takeOffline(words: Int32Array, firstPfn: number, count: number): void {
    const { structWords, flags, pageType, hwpoisonMask } = this.#layout;
    for (let i = 0; i < count; i++) {
      const at = i * structWords;
      const low = words[at + flags];
      if ((low & hwpoisonMask) === 0 || low === ALL_ONES || words[at + pageType] !== ALL_ONES) continue;
      this.#takeRange(PageClass.hwpoison, firstPfn + i, firstPfn + i + 1);
    }
  }

  /** Like `take`, from the struct page `first` of `words` on. */
  #takeSlice(words: Int32Array, first: number, held: number, firstPfn: number, count: number): number {
    const layout = this.#layout;
    const { structWords, flags: flagsWord, compoundHead, mapping, pageType, private: privateWord } = layout;
    const {
      headMask,
      lruMask,
      privateMask,
      hwpoisonMask,
      slabMask,
      swapCacheMask,
      anonMask,
      lowestMapcount,
    } = layout;
    const { mask: slabTypeMask, value: slabType } = layout.slab;
    const { mask: buddyMask, value: buddyType } = layout.buddy;
    const { mask: unacceptedMask, value: unacceptedType } = layout.unaccepted;
    const { mask: offlineMask, value: offlineType } = layout.offline;
    const { mask: hugetlbMask, value: hugetlbType } = layout.hugetlb;
    const excluded = this.#excluded;
    const counts = this.#counts;
    const { bytes } = this.#bitmap2;
    const bitOfFirst = this.#bitmap2.bitOf(firstPfn);
    const firstByte = Math.floor(bitOfFirst / 8);
    const firstBit = bitOfFirst % 8;

    let i = 0;
    if (this.#blockEnd > firstPfn) {
      i = Math.min(count, this.#blockEnd - firstPfn);
      this.#takePages(words, first * structWords, firstPfn, i, this.#blockClass);
    }
    while (i < count) {
      const at = (first + i) * structWords;
      const flags = words[at + flagsWord];
      const type = words[at + pageType];
      const tail = words[at + compoundHead] & 1;
      const anon = words[at + mapping] & anonMask;
      let pageClass: number = PageClass.kernel;
      let order = 0;
      let isHugetlb = false;
      let mayBeBlock = false;
      // A tail page is only seen here when its head was not: it is kept.
      if (tail === 0) {
        const isSlab = (flags & slabMask) !== 0 || (type & slabTypeMask) === slabType;
        isHugetlb = (type & hugetlbMask) === hugetlbType;
        if ((flags & headMask) !== 0) {
          mayBeBlock = true;
          if (first + i + 1 === held) break;
          order = this.#compoundOrder(words, at, firstPfn + i);
          isHugetlb ||= order > 0 && this.#isHugetlbTail(words, at);
        }
        if (!isSlab && (type & buddyMask) === buddyType) {
          mayBeBlock = true;
          order = this.#freeOrder(words[at + privateWord], words[at + privateWord + 1], firstPfn + i);
          if (order >= 0) pageClass = PageClass.free;
          else order = 0;
        } else if (!isSlab && (type & unacceptedMask) === unacceptedType) {
          mayBeBlock = true;
          // Unaccepted memory is listed in blocks of the largest order only.
          order = this.#freeOrder(layout.maxFreeOrder, 0, firstPfn + i);
          if (order >= 0) pageClass = PageClass.free;
          else order = 0;
        } else if (!isSlab) {
          const isUntyped = (type | 0) >= lowestMapcount;
          const isAnon = isUntyped && anon !== 0;
          const isCache =
            isUntyped &&
            ((flags & lruMask) !== 0 || (swapCacheMask !== 0 && (flags & swapCacheMask) === swapCacheMask));
          if (isAnon || isHugetlb) pageClass = PageClass.user;
          else if (isCache)
            pageClass = (flags & privateMask) === 0 ? PageClass.cache : PageClass.privateCache;
          else if ((type & offlineMask) === offlineType) pageClass = PageClass.offline;
        }
      }
      if ((flags & hwpoisonMask) !== 0 && excluded[pageClass] === 0) {
        // hugetlb marks the head when any of its pages is broken; all others mark the page itself.
        if (order === 0 || isHugetlb) pageClass = PageClass.hwpoison;
      }
      if (order === 0) {
        const start = i++;
        // Nothing else decides the class of a page that is no block, and the next ones mostly have the same.
        if (!mayBeBlock) {
          for (let next = at + structWords; i < count; next += structWords, i++) {
            if (words[next + flagsWord] !== flags || words[next + pageType] !== type) break;
            if ((words[next + compoundHead] & 1) !== tail || (words[next + mapping] & anonMask) !== anon)
              break;
          }
        }
        counts[pageClass] += i - start;
        if (excluded[pageClass] === 0) continue;
        for (let bit = firstBit + start; bit < firstBit + i; bit++) {
          bytes[firstByte + (bit >>> 3)] &= ~(1 << (bit & 7));
        }
        continue;
      }
      const pages = 2 ** order;
      this.#blockEnd = firstPfn + i + pages;
      this.#blockClass = pageClass;
      const here = Math.min(pages, count - i);
      this.#takePages(words, at, firstPfn + i, here, pageClass);
      i += here;
    }
    return i;
  }

  /** Takes pages of one block, whose struct pages begin at `words[at]`. */
  #takePages(words: Int32Array, at: number, firstPfn: number, count: number, pageClass: number): void {
    if (!this.#mustLookInto(pageClass)) {
      this.#takeRange(pageClass, firstPfn, firstPfn + count);
      return;
    }
    const { structWords, flags, hwpoisonMask } = this.#layout;
    for (let i = 0; i < count; i++) {
      const isPoisoned = (words[at + i * structWords + flags] & hwpoisonMask) !== 0;
      this.#takeRange(isPoisoned ? PageClass.hwpoison : pageClass, firstPfn + i, firstPfn + i + 1);
    }
  }

  /** Whether pages of a block must be checked one by one: a block that is kept can have poisoned pages in it. */
  #mustLookInto(pageClass: number): boolean {
    return this.#excluded[pageClass] === 0 && this.#layout.hwpoisonMask !== 0;
  }

  #takeRange(pageClass: number, startPfn: number, endPfn: number): void {
    this.#counts[pageClass] += endPfn - startPfn;
    if (this.#excluded[pageClass] !== 0) this.#bitmap2.clearRange(startPfn, endPfn);
  }

  /** 0 for a head whose second page contradicts it. */
  #compoundOrder(words: Int32Array, at: number, pfn: number): number {
    const { structWords, compoundOrder, compoundHead } = this.#layout;
    if (!compoundOrder) return 0;
    const order = (words[at + structWords + compoundOrder.word] >>> compoundOrder.shift) & 0xff;
    const isCompound = (words[at + structWords + compoundHead] & 1) !== 0;
    if (isCompound && order >= 1 && order <= MAX_COMPOUND_ORDER && pfn % 2 ** order === 0) return order;
    this.#invalidOrders++;
    return 0;
  }

  #isHugetlbTail(words: Int32Array, at: number): boolean {
    const { structWords, hugetlbInTail } = this.#layout;
    return (words[at + structWords + hugetlbInTail.word] & hugetlbInTail.mask) === hugetlbInTail.value;
  }

  /** -1 for a block that cannot be on the free lists. */
  #freeOrder(order: number, orderHigh: number, pfn: number): number {
    if (order >= 0 && order <= this.#layout.maxFreeOrder && orderHigh === 0 && pfn % 2 ** order === 0)
      return order;
    this.#invalidOrders++;
    return -1;
  }
}
