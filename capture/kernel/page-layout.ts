/**
 * The layout of struct page (include/linux/mm_types.h), its flags and page types (include/linux/page-flags.h), from the keys
 * that kernel/vmcore_info.c (kernel/crash_core.c before v6.9) exports. Decoded once, into the 32-bit word indexes and masks
 * that the page loop uses.
 */
import type { Vmcoreinfo } from '../vmcore/vmcoreinfo.ts';
import { decodeTypeTest, lowestMapcount, NEVER, type WordTest } from './page-type.ts';

/** `(word & mask) === value`, for the word at this index of a struct page. */
export interface FieldTest extends WordTest {
  readonly word: number;
}

/** Word indexes are relative to a struct page. Fields are little endian, so a word is the low half of its field. */
export interface PageLayout {
  readonly structBytes: number;
  readonly structWords: number;
  readonly flags: number;
  /** compound_head or compound_info: bit 0 marks a tail page. */
  readonly compoundHead: number;
  readonly mapping: number;
  readonly private: number;
  /** _mapcount, page_type when the page is typed. */
  readonly pageType: number;

  /** Masks for the low half of page.flags; 0 for a flag that this kernel lacks. */
  readonly headMask: number;
  readonly lruMask: number;
  readonly privateMask: number;
  readonly hwpoisonMask: number;
  /** For kernels before slab became a page type. */
  readonly slabMask: number;
  /** Both flags; 0 when one is unknown. */
  readonly swapCacheMask: number;
  /** FOLIO_MAPPING_ANON (PAGE_MAPPING_ANON before); 0 when anonymous pages cannot be recognized. */
  readonly anonMask: number;

  /** Tests of page_type; NEVER for a type that this kernel lacks. */
  readonly slab: WordTest;
  readonly buddy: WordTest;
  readonly unaccepted: WordTest;
  readonly offline: WordTest;
  readonly hugetlb: WordTest;
  /** A page whose word is less than this, as a signed number, has some type, perhaps one that is not listed here. */
  readonly lowestMapcount: number;
  /** How hugetlb pages were marked before they had a type: in the first tail page. */
  readonly hugetlbInTail: FieldTest;

  /** The largest order of the free lists. */
  readonly maxFreeOrder: number;
  /** The byte of the first tail page that holds the order of a compound page; undefined when it is unknown. */
  readonly compoundOrder: { readonly word: number; readonly shift: number } | undefined;
}

const PAGE_MAPPING_ANON = 1;
const MAX_STRUCT_BYTES = 512;
const MAX_FREE_ORDERS = 64;

/**
 * Degradable: a class of pages whose keys are missing or invalid is kept, with a warning. There is no layout when not even
 * tail pages can be recognized: then nothing may be filtered.
 */
export function decodePageLayout(vmcoreinfo: Vmcoreinfo): {
  layout: PageLayout | undefined;
  warnings: string[];
} {
  const warnings: string[] = [];
  const structBytes = vmcoreinfo.size('page') ?? 0;
  if (structBytes < 32 || structBytes > MAX_STRUCT_BYTES || structBytes % 8 !== 0) {
    warnings.push(
      `only zero pages can be left out: vmcoreinfo's SIZE(page) is ${vmcoreinfo.value('SIZE(page)') ?? 'missing'}`,
    );
    return { layout: undefined, warnings };
  }
  const word = (member: string, fieldBytes: number) =>
    wordOf(vmcoreinfo.offset(member), structBytes, fieldBytes);
  const flags = word('page.flags', 8);
  // Linux commit d50569612c29 ("mm: rename the 'compound_head' field in the 'struct page' to 'compound_info'"), v7.1,
  // renamed the key with the field; bit 0 kept its meaning.
  const compoundHead = word('page.compound_head', 8) ?? word('page.compound_info', 8);
  const mapping = word('page.mapping', 8);
  const privateWord = word('page.private', 8);
  const pageType = word('page._mapcount', 4);
  const known = [flags, compoundHead, mapping, privateWord, pageType].filter(index => index !== undefined);
  if (flags === undefined || compoundHead === undefined || new Set(known).size < known.length) {
    const offsets = ['page.flags', 'page.compound_head', 'page.compound_info', 'page.mapping']
      .map(member => `${member} ${vmcoreinfo.value(`OFFSET(${member})`) ?? '-'}`)
      .join(', ');
    warnings.push(
      `only zero pages can be left out: vmcoreinfo's offsets in struct page are not usable (${offsets})`,
    );
    return { layout: undefined, warnings };
  }

  const flag = (name: string) => bitMask(vmcoreinfo.number(name));
  const type = (name: string) =>
    pageType === undefined ? NEVER : decodeTypeTest(vmcoreinfo.number(`PAGE_${name}_MAPCOUNT_VALUE`));
  // Linux commit 46df8e73a4a3 ("mm: free up PG_slab"), v6.10, made slab a page type.
  const slab = type('SLAB');
  const slabMask = flag('PG_slab');
  // _mapcount, private and mapping of a slab page belong to the allocator. Unless slab pages are recognized, they could
  // look like any other page.
  const knowsSlab = slab !== NEVER || slabMask !== 0;
  const freeOrders = vmcoreinfo.length('zone.free_area') ?? 0;
  const buddy = type('BUDDY');
  const knowsFree =
    knowsSlab &&
    buddy !== NEVER &&
    privateWord !== undefined &&
    freeOrders >= 1 &&
    freeOrders <= MAX_FREE_ORDERS;
  const knowsAnon = knowsSlab && mapping !== undefined;
  const lruMask = flag('PG_lru');
  const privateMask = flag('PG_private');
  const knowsCache = knowsAnon && lruMask !== 0 && privateMask !== 0;
  const unknown = (knows: boolean, pages: string) => {
    if (!knows) warnings.push(`${pages} pages are kept: vmcoreinfo lacks what is needed to recognize them`);
  };
  unknown(knowsFree, 'free');
  unknown(knowsCache, 'cache');
  unknown(knowsAnon, 'user');

  const headMask = singleBit(vmcoreinfo.number('PG_head_mask'));
  const compoundOrder = decodeCompoundOrder(vmcoreinfo, structBytes, flags);
  if (headMask === 0 || !compoundOrder) {
    warnings.push(
      'only the first page of compound pages can be left out: vmcoreinfo lacks what is needed to find their size',
    );
  }
  const swapCache = flag('PG_swapcache');
  const swapBacked = flag('PG_swapbacked');
  const layout: PageLayout = {
    structBytes,
    structWords: structBytes / 4,
    flags,
    compoundHead,
    mapping: mapping ?? flags,
    private: privateWord ?? flags,
    pageType: pageType ?? flags,
    headMask,
    lruMask: knowsCache ? lruMask : 0,
    privateMask,
    hwpoisonMask: flag('PG_hwpoison'),
    slabMask,
    // PG_swapcache shares its bit with another flag: it means "swap cache" only together with PG_swapbacked.
    swapCacheMask: knowsCache && swapCache !== 0 && swapBacked !== 0 ? swapCache | swapBacked : 0,
    anonMask: knowsAnon ? PAGE_MAPPING_ANON : 0,
    slab,
    buddy: knowsFree ? buddy : NEVER,
    unaccepted: knowsFree ? type('UNACCEPTED') : NEVER,
    offline: knowsSlab ? type('OFFLINE') : NEVER,
    hugetlb: type('HUGETLB'),
    lowestMapcount: lowestMapcount(buddy),
    hugetlbInTail: decodeHugetlbInTail(vmcoreinfo, structBytes, flags),
    maxFreeOrder: freeOrders - 1,
    compoundOrder,
  };
  return { layout, warnings };
}

function decodeCompoundOrder(vmcoreinfo: Vmcoreinfo, structBytes: number, flags: number) {
  // Up to v6.2 these were members of the first tail page, then of struct folio, whose second struct page is the first
  // tail.
  const folioOrder = vmcoreinfo.offset('folio._folio_order');
  const at =
    vmcoreinfo.offset('page.compound_order') ??
    (folioOrder === undefined ? undefined : folioOrder - structBytes);
  if (at !== undefined) {
    const word = wordOf(at - (at % 4), structBytes, 4);
    return word === undefined ? undefined : { word, shift: (at % 4) * 8 };
  }
  // Linux commit ebc1baf5c9b4 ("mm: free up a word in the first tail page"), v6.6, moved the order into the low byte of
  // the tail's flags. Kernels with that commit export one of these two keys.
  const isNewer =
    vmcoreinfo.number('PAGE_HUGETLB_MAPCOUNT_VALUE') !== undefined ||
    vmcoreinfo.number('PG_hugetlb') !== undefined;
  return isNewer ? { word: flags, shift: 0 } : undefined;
}

function decodeHugetlbInTail(vmcoreinfo: Vmcoreinfo, structBytes: number, flags: number): FieldTest {
  const never = { word: 0, ...NEVER };
  // Linux commit d99e3140a4d3 ("mm: turn folio_test_hugetlb into a PageType"), v6.9, replaced both of the following.
  if (vmcoreinfo.number('PAGE_HUGETLB_MAPCOUNT_VALUE') !== undefined) return never;
  const PG_hugetlb = bitMask(vmcoreinfo.number('PG_hugetlb'));
  if (PG_hugetlb !== 0) return { word: flags, mask: PG_hugetlb, value: PG_hugetlb };
  const folioDtor = vmcoreinfo.offset('folio._folio_dtor');
  const at =
    vmcoreinfo.offset('page.compound_dtor') ??
    (folioDtor === undefined ? undefined : folioDtor - structBytes);
  const dtor = vmcoreinfo.number('HUGETLB_PAGE_DTOR') ?? 0;
  const word = at === undefined ? undefined : wordOf(at - (at % 4), structBytes, 4);
  if (at === undefined || word === undefined || dtor < 1 || dtor > 0xff) return never;
  const shift = (at % 4) * 8;
  return { word, mask: 0xff << shift, value: dtor << shift };
}

/** Undefined for an offset outside the structure, or one that the field cannot have by its alignment. */
function wordOf(offset: number | undefined, structBytes: number, fieldBytes: number): number | undefined {
  if (offset === undefined || offset < 0 || offset % fieldBytes !== 0) return undefined;
  return offset + fieldBytes <= structBytes ? offset / 4 : undefined;
}

/** All flags used here are in the low half of page.flags. 0 for a flag outside of it, and for a missing one. */
function bitMask(bit: number | undefined): number {
  return bit !== undefined && bit >= 0 && bit < 32 ? 1 << bit : 0;
}

function singleBit(mask: number | undefined): number {
  return mask !== undefined && mask > 0 && mask <= 2 ** 31 && Number.isInteger(Math.log2(mask))
    ? mask | 0
    : 0;
}
