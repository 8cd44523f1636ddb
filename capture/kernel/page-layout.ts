/**
 * Where the fields of struct page lie (include/linux/mm_types.h), what its flags and page types are
 * (include/linux/page-flags.h), by the keys that kernel/vmcore_info.c (kernel/crash_core.c before v6.9) exports.
 * Chosen once, as 32-bit word indexes and masks that the page loop uses as they are.
 */
import type { Vmcoreinfo } from '../vmcore/vmcoreinfo.ts';
import { decodeTypeTest, lowestMapcount, NEVER, type WordTest } from './page-type.ts';

/** `(word & mask) === value`, of the word with this index in some struct page. */
export interface FieldTest extends WordTest {
  readonly word: number;
}

/** Word indexes count from the start of a struct page; the fields are little endian, so a word is a field's low half. */
export interface PageLayout {
  readonly structBytes: number;
  readonly structWords: number;
  readonly flags: number;
  /** compound_head or compound_info: bit 0 says that the page is a tail. */
  readonly compoundHead: number;
  readonly mapping: number;
  readonly private: number;
  /** _mapcount, page_type when the page is typed. */
  readonly pageType: number;

  /** Masks of the low half of page.flags; 0 for a flag that this kernel lacks. */
  readonly headMask: number;
  readonly lruMask: number;
  readonly privateMask: number;
  readonly hwpoisonMask: number;
  /** Before slab became a page type. */
  readonly slabMask: number;
  /** Both at once; 0 when one is unknown. */
  readonly swapCacheMask: number;
  /** FOLIO_MAPPING_ANON (PAGE_MAPPING_ANON before); 0 when anonymous pages cannot be told. */
  readonly anonMask: number;

  /** Tests of page_type; NEVER for a type that this kernel lacks. */
  readonly slab: WordTest;
  readonly buddy: WordTest;
  readonly unaccepted: WordTest;
  readonly offline: WordTest;
  readonly hugetlb: WordTest;
  /** Below it, as a signed number, the page has some type, if none that is named here. */
  readonly lowestMapcount: number;
  /** How hugetlb pages showed before they had a type: in the first tail page. */
  readonly hugetlbInTail: FieldTest;

  /** Of the free lists. */
  readonly maxFreeOrder: number;
  /** The order of a compound page is this byte of its first tail page; undefined when it is unknown. */
  readonly compoundOrder: { readonly word: number; readonly shift: number } | undefined;
}

const PAGE_MAPPING_ANON = 1;
const MAX_STRUCT_BYTES = 512;
const MAX_FREE_ORDERS = 64;

/**
 * Degradable: a class of pages whose keys are missing or make no sense is never found, with a warning.
 * No layout at all when not even tail pages could be told: then nothing may be filtered.
 */
export function decodePageLayout(vmcoreinfo: Vmcoreinfo): {
  layout: PageLayout | undefined;
  warnings: string[];
} {
  const warnings: string[] = [];
  const structBytes = vmcoreinfo.size('page') ?? 0;
  if (structBytes < 32 || structBytes > MAX_STRUCT_BYTES || structBytes % 8 !== 0) {
    warnings.push(`no page can be left out but zero ones: SIZE(page) is ${vmcoreinfo.value('SIZE(page)')}`);
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
    const said = ['page.flags', 'page.compound_head', 'page.compound_info', 'page.mapping']
      .map(member => `${member} ${vmcoreinfo.value(`OFFSET(${member})`) ?? '-'}`)
      .join(', ');
    warnings.push(
      `no page can be left out but zero ones: the offsets in struct page make no sense (${said})`,
    );
    return { layout: undefined, warnings };
  }

  const flag = (name: string) => bitMask(vmcoreinfo.number(name));
  const type = (name: string) =>
    pageType === undefined ? NEVER : decodeTypeTest(vmcoreinfo.number(`PAGE_${name}_MAPCOUNT_VALUE`));
  // Linux commit 46df8e73a4a3 ("mm: free up PG_slab"), v6.10, made slab a page type.
  const slab = type('SLAB');
  const slabMask = flag('PG_slab');
  // What _mapcount, private and mapping of a slab page hold is the allocator's: unless slab pages are told apart,
  // they could pass for anything.
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
    if (!knows) warnings.push(`${pages} pages are kept: vmcoreinfo does not say how to tell them`);
  };
  unknown(knowsFree, 'free');
  unknown(knowsCache, 'cache');
  unknown(knowsAnon, 'user');

  const headMask = singleBit(vmcoreinfo.number('PG_head_mask'));
  const compoundOrder = decodeCompoundOrder(vmcoreinfo, structBytes, flags);
  if (headMask === 0 || !compoundOrder) {
    warnings.push(
      'of compound pages only the first is left out: vmcoreinfo does not say how to tell their size',
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
    // PG_swapcache is another flag too: it says "swap cache" on pages with PG_swapbacked only.
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
  // Up to v6.2 the first tail page had members of its own; then they were struct folio's, whose second struct page is
  // the first tail.
  const folioOrder = vmcoreinfo.offset('folio._folio_order');
  const at =
    vmcoreinfo.offset('page.compound_order') ??
    (folioOrder === undefined ? undefined : folioOrder - structBytes);
  if (at !== undefined) {
    const word = wordOf(at - (at % 4), structBytes, 4);
    return word === undefined ? undefined : { word, shift: (at % 4) * 8 };
  }
  // Linux commit ebc1baf5c9b4 ("mm: free up a word in the first tail page"), v6.6, moved the order into the low byte of
  // the tail's flags. Kernels that have it say how they mark hugetlb pages in one of these ways.
  const isNewer =
    vmcoreinfo.number('PAGE_HUGETLB_MAPCOUNT_VALUE') !== undefined ||
    vmcoreinfo.number('PG_hugetlb') !== undefined;
  return isNewer ? { word: flags, shift: 0 } : undefined;
}

function decodeHugetlbInTail(vmcoreinfo: Vmcoreinfo, structBytes: number, flags: number): FieldTest {
  const never = { word: 0, ...NEVER };
  // Linux commit d99e3140a4d3 ("mm: turn folio_test_hugetlb into a PageType"), v6.9, ended both ways.
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

/** Undefined for an offset that does not lie in the structure, or not as the compiler would align it. */
function wordOf(offset: number | undefined, structBytes: number, fieldBytes: number): number | undefined {
  if (offset === undefined || offset < 0 || offset % fieldBytes !== 0) return undefined;
  return offset + fieldBytes <= structBytes ? offset / 4 : undefined;
}

/** All flags that we look at are in the low half of page.flags; 0 for others and for none. */
function bitMask(bit: number | undefined): number {
  return bit !== undefined && bit >= 0 && bit < 32 ? 1 << bit : 0;
}

function singleBit(mask: number | undefined): number {
  return mask !== undefined && mask > 0 && mask <= 2 ** 31 && Number.isInteger(Math.log2(mask))
    ? mask | 0
    : 0;
}
