/** A table of ways to damage a file: its named fields, its blocks, its length. */
import type { Random } from '../../support/random.ts';
import { encodeNumber, oddNumber } from './numbers.ts';

/** A number in the file. */
export interface Field {
  readonly name: string;
  readonly offset: number;
  readonly lengthBytes: number;
  readonly isBigEndian?: boolean;
}

export interface MutantBytes {
  readonly labels: readonly string[];
  readonly bytes: Buffer;
}

interface Change {
  readonly label: string;
  readonly bytes: Buffer;
}

type Mutator = (bytes: Buffer, fields: readonly Field[], random: Random) => Change;

const BLOCKS = [16, 24, 512, 4096, 65536] as const;

const bitFlips: Mutator = (bytes, _, random) => {
  const count = random.chance(0.6) ? 1 : 1 + random.below(32);
  const at: number[] = [];
  for (let i = 0; i < count; i++) {
    const offset = random.below(bytes.length);
    at.push(offset);
    bytes[offset] = bytes[offset]! ^ (1 << random.below(8));
  }
  return { label: `bits flipped at ${at.slice(0, 4).join(', ')}${count > 4 ? ' …' : ''}`, bytes };
};

const fieldValue: Mutator = (bytes, fields, random) => {
  const field = random.pick(fields.filter(({ offset, lengthBytes }) => offset + lengthBytes <= bytes.length));
  if (!field) return bitFlips(bytes, fields, random);
  const other = random.pick(fields);
  const old = valueAt(bytes, field);
  const value = [
    () => oddNumber(random, bytes.length),
    () => oddNumber(random, bytes.length),
    () => old + BigInt(random.below(9) - 4),
    () => old + 4096n * BigInt(random.below(9) - 4),
    () => old ^ (1n << BigInt(random.below(field.lengthBytes * 8))),
    () => valueAt(bytes, other),
  ][random.below(6)]!();
  putValue(bytes, field, value);
  return { label: `${field.name} = 0x${BigInt.asUintN(64, value).toString(16)}`, bytes };
};

const cut: Mutator = (bytes, fields, random) => {
  const block = random.pick(BLOCKS);
  const anywhere = random.below(bytes.length);
  const ends = [anywhere, anywhere - (anywhere % block), bytes.length - 1 - random.below(64)];
  if (fields.length > 0) ends.push(random.pick(fields).offset);
  const end = Math.max(0, Math.min(bytes.length, random.pick(ends)));
  return { label: `cut at ${end} of ${bytes.length}`, bytes: bytes.subarray(0, end) };
};

const extend: Mutator = (bytes, _, random) => {
  const length = 1 + random.below(random.pick([8, 4096, 20_000]));
  const more = random.pick([
    Buffer.alloc(length),
    Buffer.from(random.bytes(length)),
    bytes.subarray(0, length),
  ]);
  return { label: `${more.length} more bytes`, bytes: Buffer.concat([bytes, more]) };
};

const overwriteBlock: Mutator = (bytes, _, random) => {
  const { at, length } = blockOf(bytes, random);
  const noise = () => Buffer.from(random.bytes(Math.min(length, 64)));
  const fill = random.pick([Buffer.alloc(1), Buffer.alloc(1, 0xff), noise()]);
  bytes.fill(fill, at, at + length);
  return { label: `${length} bytes at ${at} overwritten`, bytes };
};

const swapBlocks: Mutator = (bytes, _, random) => {
  const one = blockOf(bytes, random);
  const at = blockOf(bytes, random, one.length).at;
  const length = Math.min(one.length, bytes.length - at);
  const kept = Buffer.from(bytes.subarray(one.at, one.at + length));
  bytes.copy(bytes, one.at, at, at + length);
  kept.copy(bytes, at);
  return { label: `${length} bytes at ${one.at} and ${at} swapped`, bytes };
};

const insertCopy: Mutator = (bytes, _, random) => {
  const { at, length } = blockOf(bytes, random);
  const to = random.below(bytes.length);
  const parts = [bytes.subarray(0, to), bytes.subarray(at, at + length), bytes.subarray(to)];
  return { label: `${length} bytes at ${at} inserted at ${to}`, bytes: Buffer.concat(parts) };
};

const overwriteWithCopy: Mutator = (bytes, _, random) => {
  const { at, length } = blockOf(bytes, random);
  const to = random.below(bytes.length);
  bytes.copy(bytes, to, at, at + length);
  return { label: `${length} bytes at ${at} copied to ${to}`, bytes };
};

const removeBlock: Mutator = (bytes, _, random) => {
  const { at, length } = blockOf(bytes, random);
  return {
    label: `${length} bytes at ${at} removed`,
    bytes: Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]),
  };
};

const MUTATORS: readonly Mutator[] = [
  bitFlips,
  bitFlips,
  fieldValue,
  fieldValue,
  fieldValue,
  fieldValue,
  cut,
  cut,
  extend,
  overwriteBlock,
  overwriteBlock,
  swapBlocks,
  insertCopy,
  overwriteWithCopy,
  removeBlock,
];

/** One to three changes at once. The base stays as it is. */
export function mutateBytes(base: Uint8Array, fields: readonly Field[], random: Random): MutantBytes {
  const count = random.chance(0.6) ? 1 : 2 + random.below(2);
  const labels: string[] = [];
  let bytes: Buffer = Buffer.from(base);
  for (let i = 0; i < count && bytes.length > 0; i++) {
    const change = random.pick(MUTATORS)(bytes, fields, random);
    labels.push(change.label);
    bytes = change.bytes;
  }
  return { labels, bytes };
}

/** A block that begins at a multiple of its size, as disks lose them, or anywhere. */
function blockOf(bytes: Buffer, random: Random, size?: number): { at: number; length: number } {
  const length = Math.min(size ?? random.pick(BLOCKS), bytes.length);
  const anywhere = random.below(bytes.length);
  const at = random.chance(0.7) ? anywhere - (anywhere % length) : anywhere;
  return { at, length: Math.min(length, bytes.length - at) };
}

function valueAt(bytes: Buffer, { offset, lengthBytes, isBigEndian }: Field): bigint {
  const part = new Uint8Array(8);
  part.set(bytes.subarray(offset, offset + lengthBytes));
  if (isBigEndian) part.subarray(0, lengthBytes).reverse();
  return new DataView(part.buffer).getBigUint64(0, true);
}

function putValue(bytes: Buffer, { offset, lengthBytes, isBigEndian }: Field, value: bigint): void {
  const part = encodeNumber(value, lengthBytes);
  if (isBigEndian) part.reverse();
  bytes.set(part, offset);
}
