/** Builds the tables of kallsyms as scripts/kallsyms.c lays them out. Shares no code with the reader. */

export interface SymbolSpec {
  readonly name: string;
  readonly type: string;
  readonly address: bigint;
}

export type OffsetMode = 'absolute-percpu' | 'relative' | 'slot-relative';

export interface KallsymsImage {
  readonly bytes: Buffer;
  /** Where in the bytes each table is. */
  readonly at: Readonly<
    Record<
      'count' | 'names' | 'markers' | 'tokens' | 'tokenIndex' | 'offsets' | 'relativeBase' | 'byName',
      number
    >
  >;
}

/** Tokens of more than one character, at bytes that no name has. */
const LONG_TOKENS: Readonly<Record<number, string>> = {
  1: 'init',
  2: 'task',
  3: '__',
  4: 'per_cpu',
  5: 'Tsched',
};

/**
 * @param symbols by ascending address.
 * @param address where the tables will be.
 * @param order that of Linux before v6.2 (`offsets` first), or after it.
 */
export function buildKallsyms(
  symbols: readonly SymbolSpec[],
  address: bigint,
  mode: OffsetMode,
  order: 'offsets first' | 'offsets last' = 'offsets last',
): KallsymsImage {
  const names: Buffer[] = [];
  const markers: number[] = [];
  let length = 0;
  symbols.forEach(({ name, type }, i) => {
    if (i % 256 === 0) markers.push(length);
    const tokens = compressed(`${type}${name}`);
    const head = tokens.length < 128 ? [tokens.length] : [0x80 | (tokens.length & 0x7f), tokens.length >> 7];
    names.push(Buffer.from([...head, ...tokens]));
    length += head.length + tokens.length;
  });
  const texts = Array.from(
    { length: 256 },
    (_, token) => LONG_TOKENS[token] ?? String.fromCharCode(token || 0x20),
  );
  const tokenStarts: number[] = [];
  let table = '';
  for (const text of texts) {
    tokenStarts.push(table.length);
    table += `${text}\0`;
  }
  const base = symbols.find(({ address: one }) => one >= 2n ** 63n)!.address;
  const parts: Record<string, Buffer> = {
    count: words(4, [BigInt(symbols.length)]),
    names: Buffer.concat(names),
    markers: words(4, markers.map(BigInt)),
    tokens: Buffer.from(table, 'latin1'),
    tokenIndex: words(2, tokenStarts.map(BigInt)),
    offsets: Buffer.alloc(4 * symbols.length),
    relativeBase: words(8, [base]),
    byName: numbersByName(symbols),
  };
  const keys =
    order === 'offsets first'
      ? ['offsets', 'relativeBase', 'count', 'names', 'markers', 'tokens', 'tokenIndex']
      : [
          ...['count', 'names', 'markers', 'tokens', 'tokenIndex', 'offsets'],
          ...(mode === 'slot-relative' ? [] : ['relativeBase']),
          'byName',
        ];
  const at: Record<string, number> = {};
  let end = 0;
  for (const key of keys) {
    at[key] = key === 'byName' ? end : Math.ceil(end / 8) * 8;
    end = at[key] + parts[key]!.length;
  }
  symbols.forEach((symbol, i) => {
    const slot = address + BigInt(at.offsets! + 4 * i);
    parts.offsets!.writeInt32LE(Number(BigInt.asIntN(32, offsetOf(symbol.address, mode, base, slot))), 4 * i);
  });
  const bytes = Buffer.alloc(Math.ceil(end / 8) * 8);
  for (const key of keys) parts[key]!.copy(bytes, at[key]);
  return { bytes, at: at as KallsymsImage['at'] };
}

function offsetOf(address: bigint, mode: OffsetMode, base: bigint, slot: bigint): bigint {
  if (mode === 'slot-relative') return address - slot;
  if (mode === 'relative') return address - base;
  return address < 2n ** 31n ? address : base - 1n - address;
}

/** Three bytes each, big-endian. */
function numbersByName(symbols: readonly SymbolSpec[]): Buffer {
  const names = symbols.map(({ name }) => Buffer.from(name, 'latin1'));
  const numbers = [...names.keys()].sort((a, b) => Buffer.compare(names[a]!, names[b]!) || a - b);
  return Buffer.from(numbers.flatMap(number => [number >> 16, (number >> 8) & 0xff, number & 0xff]));
}

function compressed(text: string): number[] {
  const tokens: number[] = [];
  for (let at = 0; at < text.length; ) {
    const found = Object.entries(LONG_TOKENS).find(([, token]) => text.startsWith(token, at));
    tokens.push(found ? Number(found[0]) : text.charCodeAt(at));
    at += found ? found[1].length : 1;
  }
  return tokens;
}

function words(bytes: number, values: readonly bigint[]): Buffer {
  const all = Buffer.alloc(bytes * values.length);
  values.forEach((value, i) => {
    const word = Buffer.alloc(8);
    word.writeBigUInt64LE(value);
    word.copy(all, bytes * i, 0, bytes);
  });
  return all;
}
