/**
 * Where the kernel keeps kallsyms (scripts/kallsyms.c, kernel/kallsyms_internal.h): from vmcoreinfo, which has the addresses
 * since Linux 5fd8fea935a1 ("vmcoreinfo: include kallsyms symbols", v6.0).
 */
import { AutopsyError } from '../../errors.ts';
import type { KernelMemory } from '../../kernel/memory.ts';
import type { Vmcoreinfo } from '../../vmcore/vmcoreinfo.ts';
import { readHeld } from '../image-scan.ts';
import type { OpenTable, Table } from '../table.ts';
import { NUMBER_BYTES } from './name-order.ts';

/** The largest kernels have some 300,000. */
export const MOST_SYMBOLS = 1 << 21;
export const MOST_NAME_BYTES = 32 << 20;
export const TOKENS = 256;

/** Names and offsets may be cut. All of both is in memory until they are released. */
export interface KallsymsTables {
  readonly count: number;
  readonly names: Table;
  /** The kernel's own index, which may be none: see NameOrder. Undefined where we do not know where it is. */
  readonly byName?: Table | undefined;
  /** For each of the 256 tokens, what it stands for. */
  readonly tokens: readonly Uint8Array[];
  /** A 32-bit number for each symbol; `addresses.ts` has what they mean. */
  readonly offsets: Table;
  readonly offsetsAddress: bigint;
  /** Undefined where offsets are relative to their own slots. */
  readonly relativeBase: bigint | undefined;
}

const ACTION = "read the kernel's symbols";

/** @throws AutopsyError NO_KALLSYMS when vmcoreinfo does not have the addresses; KernelError when the tables are not held. */
export function exportedTables(
  memory: KernelMemory,
  vmcoreinfo: Vmcoreinfo,
  openTable: OpenTable,
): KallsymsTables {
  const symbol = (name: string): bigint => {
    const address = vmcoreinfo.symbol(name);
    if (address !== undefined) return address;
    throw new AutopsyError('NO_KALLSYMS', {
      action: ACTION,
      actual: `vmcoreinfo has no SYMBOL(${name})`,
      wanted: 'the address of each table of kallsyms',
    });
  };
  const names = symbol('kallsyms_names');
  const tokenTable = symbol('kallsyms_token_table');
  const tokenIndex = symbol('kallsyms_token_index');
  const offsets = symbol('kallsyms_offsets');
  const count = symbolCount(memory.u32(symbol('kallsyms_num_syms'), 'kallsyms_num_syms'));
  const relativeBase = vmcoreinfo.symbol('kallsyms_relative_base');
  // Of kernels that have all of these after the names, as 6.12 and 7.2 do, their own index comes last.
  const end = relativeBase === undefined ? offsets + BigInt(4 * count) : relativeBase + 8n;
  return {
    count,
    names: readNames(openTable, names, tokenTable),
    tokens: readTokens(memory, tokenTable, tokenIndex),
    offsets: readOffsets(openTable, offsets, count),
    offsetsAddress: offsets,
    relativeBase: relativeBase === undefined ? undefined : memory.u64(relativeBase, 'kallsyms_relative_base'),
    byName: end > tokenIndex ? openTable(end, NUMBER_BYTES * count, 'unnoted') : undefined,
  };
}

/** @throws AutopsyError */
export function symbolCount(count: number): number {
  if (count > 0 && count <= MOST_SYMBOLS) return count;
  throw new AutopsyError('KALLSYMS_COUNT', {
    action: ACTION,
    actual: `kallsyms_num_syms is ${count}`,
    wanted: `1 to ${MOST_SYMBOLS}`,
  });
}

export function readOffsets(openTable: OpenTable, address: bigint, count: number): Table {
  const table = openTable(address, 4 * count);
  table.whole();
  return table;
}

/** @throws KernelError */
export function readTokens(memory: KernelMemory, tableAddress: bigint, indexAddress: bigint): Uint8Array[] {
  const index = memory.readVirtual(indexAddress, 2 * TOKENS, 'kallsyms_token_index');
  const view = new DataView(index.buffer);
  const starts = Array.from({ length: TOKENS }, (_, token) => view.getUint16(2 * token, true));
  const table = readHeld(memory, tableAddress, Math.max(...starts) + LONGEST_TOKEN);
  return starts.map(start => {
    const end = table.indexOf(0, start);
    return table.subarray(start, end < 0 ? table.length : end);
  });
}

/** The kernel's KSYM_NAME_LEN is 512. */
const LONGEST_TOKEN = 512;

/** The markers and the tokens follow the names, in all kernels. */
function readNames(openTable: OpenTable, names: bigint, next: bigint): Table {
  const apart = next - names;
  const isUsable = apart > 0n && apart <= BigInt(MOST_NAME_BYTES);
  const table = openTable(names, isUsable ? Number(apart) : MOST_NAME_BYTES);
  table.whole();
  return table;
}
