/** What a page of memory is used for, by the classes of the dump level (makedumpfile(8), option -d). */

export const PageClass = {
  /** The kernel's, or unknown. Kept at every level. */
  kernel: 0,
  free: 1,
  cache: 2,
  privateCache: 3,
  user: 4,
  /** Broken memory. Never read. */
  hwpoison: 5,
  /** Given back to the hypervisor, or unplugged. */
  offline: 6,
} as const;

export type PageClassName = keyof typeof PageClass;
export const PAGE_CLASS_NAMES = Object.keys(PageClass) as readonly PageClassName[];

export type PagesByClass = Readonly<Record<PageClassName, number>>;

/** Indexed by PageClass; 1 for the classes that the level leaves out. */
export function excludedClasses(level: number): Uint8Array {
  const excluded = new Uint8Array(PAGE_CLASS_NAMES.length);
  // Private cache is cache too: leaving out the one leaves out the other.
  if ((level & (2 | 4)) !== 0) excluded[PageClass.cache] = 1;
  if ((level & 4) !== 0) excluded[PageClass.privateCache] = 1;
  if ((level & 8) !== 0) excluded[PageClass.user] = 1;
  if ((level & 16) !== 0) excluded[PageClass.free] = 1;
  excluded[PageClass.hwpoison] = 1;
  excluded[PageClass.offline] = 1;
  return excluded;
}
