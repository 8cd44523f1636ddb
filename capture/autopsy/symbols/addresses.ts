/**
 * What the 32-bit offsets of kallsyms mean. The kernel does not say which way it was built, so all are tried, and the one
 * that reproduces the addresses in vmcoreinfo is right.
 */
import { AutopsyError } from '../../errors.ts';
import type { Vmcoreinfo } from '../../vmcore/vmcoreinfo.ts';
import type { KallsymsTables } from './kallsyms-tables.ts';

/**
 * Addresses as numbers in the same order: a position is the distance from `base`. Below 0 it stands for an address that does
 * not move with the kernel, ABSOLUTE above it.
 */
export interface AddressMode {
  readonly name: string;
  readonly base: bigint;
  /** @param offset as a signed number. */
  position(offset: number, number: number): number;
}

const ABSOLUTE = 2 ** 40;

export function addressAt({ base }: AddressMode, position: number): bigint {
  return position < 0 ? BigInt(position + ABSOLUTE) : BigInt.asUintN(64, base + BigInt(position));
}

/** Infinity for an address above all symbols. */
export function positionOf({ base }: AddressMode, address: bigint): number {
  if (address < BigInt(ABSOLUTE)) return Number(address) - ABSOLUTE;
  const distance = address - base;
  return distance < 0n ? -1 : Number(distance);
}

/** Undefined where the tables lack what a mode needs. */
const MODES: readonly ((tables: KallsymsTables) => AddressMode | undefined)[] = [
  // CONFIG_KALLSYMS_ABSOLUTE_PERCPU: per-CPU variables have positive offsets, which are their addresses; the others have
  // negative ones. Until Linux v6.15 on x86 with SMP.
  ({ relativeBase }) =>
    relativeBase === undefined
      ? undefined
      : {
          name: 'absolute-percpu',
          base: relativeBase,
          position: offset => (offset >= 0 ? offset - ABSOLUTE : -1 - offset),
        },
  // CONFIG_KALLSYMS_BASE_RELATIVE without it: arm64, and x86 from v6.15 on.
  ({ relativeBase }) =>
    relativeBase === undefined
      ? undefined
      : { name: 'relative', base: relativeBase, position: offset => offset >>> 0 },
  // v7.0 and later have no base: an offset is relative to its own slot (offset_to_ptr()).
  ({ offsetsAddress }) => ({
    name: 'slot-relative',
    base: offsetsAddress - 2n ** 31n,
    position: (offset, number) => 2 ** 31 + 4 * number + offset,
  }),
];

/** Symbols whose address vmcoreinfo exports as it is; for others (mem_section, vmemmap) it has what they point to. */
export const EXPORTED = [
  '_stext',
  'init_uts_ns',
  'swapper_pg_dir',
  'init_top_pgt',
  'prb',
  'clear_seq',
  'node_online_map',
];

/**
 * @param known the offset and the number of symbols in EXPORTED.
 * @throws AutopsyError KALLSYMS_MODE when no mode reproduces half of them.
 */
export function chooseMode(
  tables: KallsymsTables,
  known: ReadonlyMap<string, { readonly offset: number; readonly number: number }>,
  vmcoreinfo: Vmcoreinfo,
): AddressMode {
  const exported = [...known].flatMap(([name, symbol]) => {
    const address = vmcoreinfo.symbol(name);
    return address === undefined ? [] : [{ ...symbol, address }];
  });
  let best: AddressMode | undefined;
  let bestFits = Math.floor(exported.length / 2);
  for (const create of MODES) {
    const mode = create(tables);
    if (!mode) continue;
    const fits = exported.filter(
      ({ offset, number, address }) => addressAt(mode, mode.position(offset, number)) === address,
    ).length;
    if (fits > bestFits) [best, bestFits] = [mode, fits];
  }
  if (best) return best;
  throw new AutopsyError('KALLSYMS_MODE', {
    action: "read the kernel's symbols",
    actual: `no known meaning of kallsyms_offsets gives the addresses of ${[...known.keys()].join(', ') || 'known symbols'}`,
    wanted: 'those that vmcoreinfo has',
  });
}
