/**
 * Finds kallsyms where vmcoreinfo does not have its addresses (before Linux v6.0). In those kernels scripts/kallsyms.c writes
 * the tables one after another, each aligned to 8 bytes: offsets, relative base, number of symbols, names, markers, token
 * table, token index. The tokens of the digits are the digits themselves, which finds the token table; the rest follows
 * from the markers, which have the place of every 256th name.
 */
import { AutopsyError } from '../../errors.ts';
import type { KernelMemory } from '../../kernel/memory.ts';
import type { Vmcoreinfo } from '../../vmcore/vmcoreinfo.ts';
import { occurrences, readHeld } from '../image-scan.ts';
import type { OpenTable } from '../table.ts';
import {
  type KallsymsTables,
  MOST_NAME_BYTES,
  MOST_SYMBOLS,
  readOffsets,
  readTokens,
  TOKENS,
} from './kallsyms-tables.ts';

const DIGITS = Buffer.from([...'0123456789'].join('\0'), 'latin1');
const FIRST_DIGIT = 0x30;
const NAMES_PER_MARKER = 256;
const MOST_MARKERS = MOST_SYMBOLS / NAMES_PER_MARKER;
/** A name has up to two bytes of length and 511 of tokens, most have some 15. */
const MOST_BYTES_PER_256_NAMES = NAMES_PER_MARKER * 128;
/** All tokens together; u16 indices cannot reach further. */
const MOST_TABLE_BYTES = 1 << 16;

/** @throws AutopsyError NO_KALLSYMS when they are not found. */
export function scanForTables(
  memory: KernelMemory,
  vmcoreinfo: Vmcoreinfo,
  openTable: OpenTable,
): KallsymsTables {
  const start = vmcoreinfo.requireSymbol('_stext', "find the kernel's symbols");
  for (const digits of occurrences(memory, start, DIGITS)) {
    const tokens = tokensAround(memory, digits);
    const found = tokens && tablesBefore(memory, tokens, openTable);
    if (found) return found;
  }
  throw new AutopsyError('NO_KALLSYMS', {
    action: "find the kernel's symbols",
    actual: "vmcoreinfo has no addresses of kallsyms, and the kernel's read-only data has no token table",
    wanted: 'CONFIG_KALLSYMS=y, and a dump that holds the data of the kernel',
  });
}

interface TokenPlace {
  readonly table: bigint;
  readonly index: bigint;
}

/** @param digits where the token of "0" is. */
function tokensAround(memory: KernelMemory, digits: bigint): TokenPlace | undefined {
  const bytes = readHeld(memory, digits, MOST_TABLE_BYTES);
  const starts: number[] = [];
  let at = 0;
  for (let token = FIRST_DIGIT; token < TOKENS; token++) {
    starts.push(at);
    at = bytes.indexOf(0, at) + 1;
    if (at === 0) return undefined;
  }
  const index = align8(digits + BigInt(at));
  const indexBytes = readHeld(memory, index, 2 * TOKENS);
  if (indexBytes.length < 2 * TOKENS) return undefined;
  const view = new DataView(indexBytes.buffer);
  const first = view.getUint16(2 * FIRST_DIGIT, true);
  const agrees = starts.every((begin, i) => view.getUint16(2 * (FIRST_DIGIT + i), true) === first + begin);
  return agrees && view.getUint16(0, true) === 0 ? { table: digits - BigInt(first), index } : undefined;
}

function tablesBefore(
  memory: KernelMemory,
  { table, index }: TokenPlace,
  openTable: OpenTable,
): KallsymsTables | undefined {
  const markers = markersBefore(memory, table);
  if (!markers) return undefined;
  const { address, last, count } = markers;
  const highest = address - BigInt(last);
  const lengthBytes = last + MOST_BYTES_PER_256_NAMES;
  if (lengthBytes > MOST_NAME_BYTES) return undefined;
  // What is between the last marker's name and the markers is the names of the last 256 at most.
  const start = address - BigInt(lengthBytes);
  const bytes = readHeld(memory, start, lengthBytes);
  const view = new DataView(bytes.buffer);
  for (let names = highest & ~7n; names > start + 8n; names -= 8n) {
    const at = Number(names - start);
    const symbols = view.getUint32(at - 8, true);
    if (Math.ceil(symbols / NAMES_PER_MARKER) !== count) continue;
    const offsets = names - 16n - BigInt(Math.ceil(symbols / 2) * 8);
    return {
      count: symbols,
      names: openTable(names, bytes.length - at),
      tokens: readTokens(memory, table, index),
      offsets: readOffsets(openTable, offsets, symbols),
      offsetsAddress: offsets,
      relativeBase: memory.u64(names - 16n, 'kallsyms_relative_base'),
    };
  }
  return undefined;
}

/** 32-bit numbers that ascend from 0 up to the token table. */
function markersBefore(
  memory: KernelMemory,
  table: bigint,
): { address: bigint; last: number; count: number } | undefined {
  const start = table - BigInt(4 * MOST_MARKERS);
  const bytes = readHeld(memory, start, 4 * MOST_MARKERS);
  if (bytes.length < 4 * MOST_MARKERS) return undefined;
  const view = new DataView(bytes.buffer);
  let end = bytes.length;
  if (view.getUint32(end - 4, true) === 0) end -= 4;
  const last = view.getUint32(end - 4, true);
  for (let at = end - 4; at >= 4; at -= 4) {
    const before = view.getUint32(at - 4, true);
    if (before >= view.getUint32(at, true)) return undefined;
    if (before === 0) return { address: start + BigInt(at - 4), last, count: (end - at + 4) / 4 };
  }
  return undefined;
}

function align8(address: bigint): bigint {
  return (address + 7n) & ~7n;
}
