/** Sums over structures that /proc/meminfo needs and for which the kernel keeps no counter. */
import type { DeadKernel } from '../kernel.ts';
import { listEntries } from '../lists.ts';
import { hasVariable, intVariable } from './variables.ts';

/** Far more than disks and partitions. */
const MOST_BLOCK_DEVICES = 1 << 17;

/** Page cache of block devices, nr_blockdev_pages() in block/bdev.c: that of the inodes of the bdev file system. */
export function blockDevicePages(kernel: DeadKernel): number {
  const { memory, symbols, fields } = kernel;
  const superBlock = memory.pointer(symbols.require('blockdev_superblock'), 'blockdev_superblock');
  const inodes = fields.address(superBlock, 'super_block.s_inodes');
  let pages = 0;
  for (const inode of listEntries(kernel, inodes, 'inode.i_sb_list', MOST_BLOCK_DEVICES))
    pages += fields.number(fields.pointer(inode, 'inode.i_mapping'), 'address_space.nrpages');
  return pages;
}

/** MAX_SWAPFILES. */
const MOST_SWAP_AREAS = 32;
/** Of 64 MiB each. */
const MOST_SWAPPER_SPACES = 1 << 20;

/**
 * total_swapcache_pages() of kernels without the counter NR_SWAPCACHE: each swap area has an array of address spaces
 * (swapper_spaces in mm/swap_state.c), the length of which is in nr_swapper_spaces.
 */
export function swapCachePages(kernel: DeadKernel): number {
  const { memory, symbols, fields, types } = kernel;
  // Without CONFIG_SWAP there is none.
  const areas = hasVariable(kernel, 'nr_swapfiles')
    ? Math.min(intVariable(kernel, 'nr_swapfiles'), MOST_SWAP_AREAS)
    : 0;
  let pages = 0;
  for (let area = 0; area < areas; area++) {
    const lengthAt = symbols.require('nr_swapper_spaces') + BigInt(4 * area);
    const length = Math.min(memory.u32(lengthAt, 'nr_swapper_spaces'), MOST_SWAPPER_SPACES);
    const spaces = memory.u64(symbols.require('swapper_spaces') + BigInt(8 * area), 'swapper_spaces');
    for (let i = 0; i < length; i++)
      pages += fields.number(spaces + BigInt(i * types.size('address_space')), 'address_space.nrpages');
  }
  return pages;
}
