/**
 * Finds `modules` (kernel/module/main.c), the list of loaded modules, where no symbol says where it is: the list_head in the data of
 * the kernel whose neighbours are in modules. A module has its own address in it (struct module_kobject in
 * include/linux/module.h), which nothing else has at that place.
 */
import { attempt } from '../../errors.ts';
import type { KernelMemory } from '../../kernel/memory.ts';
import { type ImagePart, wordsBetween } from '../image-scan.ts';
import type { Types } from '../kernel.ts';

const WORD_BYTES = 8;
/** Modules are where branches from them reach the image, or in an area of their own before it. */
const REACH_BYTES = 4n << 30n;

export interface Image {
  /** Of its code. */
  readonly start: bigint;
  /** They end the image. */
  readonly data: ImagePart;
  /** MODULES_VADDR and MODULES_END of vmcoreinfo, where it has them. */
  readonly area: readonly [bigint, bigint] | undefined;
}

/** @returns undefined where no module is loaded, or the data have several such lists. */
export function findModuleList(
  memory: Pick<KernelMemory, 'u64'>,
  types: Pick<Types, 'offset'>,
  { start, data, area }: Image,
): bigint | undefined {
  const { bytes, end } = data;
  const list = BigInt(types.offset('module.list'));
  const own = BigInt(types.offset('module.mkobj.mod'));
  const isNear = (address: bigint) =>
    (address < start || address >= end) && address >= start - REACH_BYTES && address < end + REACH_BYTES;
  const mayBeModule = (node: bigint) =>
    node % 8n === 0n && (isNear(node) || (area !== undefined && node >= area[0] && node < area[1]));
  const isModule = (node: bigint) => attempt(() => memory.u64(node - list + own) === node - list) ?? false;
  const [from, to] = [start - REACH_BYTES, end + REACH_BYTES];
  const places = [...(area ? [area] : []), [from, to] as const];
  const found = new Set<bigint>();
  for (const [first, last] of places) {
    for (const { at, word: next } of wordsBetween(bytes, first, last)) {
      if (at + 2 * WORD_BYTES > bytes.length || !mayBeModule(next)) continue;
      const previous = bytes.readBigUInt64LE(at + WORD_BYTES);
      if (!mayBeModule(previous) || !isModule(next) || !isModule(previous)) continue;
      const head = data.start + BigInt(at);
      const isLinked = attempt(() => memory.u64(next + 8n) === head && memory.u64(previous) === head);
      if (isLinked) found.add(head);
    }
  }
  return found.size === 1 ? [...found][0] : undefined;
}
