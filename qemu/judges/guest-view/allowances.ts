/** Which numbers may move between the guest's look at them and the crash, how far, and by what. All others must be equal. */
import type { Allowance } from './numbers.ts';

/**
 * Of a machine with two CPUs and up to 1 GiB: calculate_normal_threshold() in mm/vmstat.c is 20 pages for each CPU. PID 1, which
 * prints the view, grows by a page or two.
 */
const STEP_KB = 2 * 20 * 4;
const BY_STEPS = 'each CPU adds what it counts in steps, or once a second';
const BY_BATCHES = 'CPUs take free pages and give them back in batches of up to 63';

/** In kB. */
export const MEMINFO_MOVES: readonly Allowance[] = [
  { name: /^Mem(Free|Available)$/, most: 2 * 63 * 4 + STEP_KB, why: BY_BATCHES },
  {
    name: /^(Active|Inactive)(\(anon\)|\(file\))?$|^(AnonPages|Mapped|PageTables)$/,
    most: STEP_KB,
    why: BY_STEPS,
  },
  { name: /^(KReclaimable|Slab|SReclaimable|SUnreclaim|KernelStack)$/, most: STEP_KB, why: BY_STEPS },
];

/** Constants of the kernel that `mem` leaves out, and zswap's. */
export const NOT_IN_MEMINFO = /^(VmallocTotal|VmallocChunk|NFS_Unstable|Zswap|Zswapped)$/;

/** One slab more, and all its objects: /proc counts those on a CPU's own list as in use. */
export const SLAB_MOVES: readonly Allowance[] = [
  {
    name: /^(pde_opener|filp|seq_file) (inUse|objects|slabs)$/,
    most: 128,
    why: 'files of /proc are opened after the look at the caches',
  },
];

/** In pages and blocks. */
export const ZONE_MOVES: readonly Allowance[] = [
  { name: / free$/, most: 2 * 63 + 40, why: BY_BATCHES },
  {
    name: / order \d+$/,
    most: 63,
    why: 'a block that is taken is split, and one that is given back is joined',
  },
];
