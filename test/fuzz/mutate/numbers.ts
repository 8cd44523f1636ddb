/** Numbers and texts at which parsers go wrong. */
import type { Random } from '../../support/random.ts';

/** Around the limits of C and JavaScript types, of addresses, and of pages. */
export const NUMBERS: readonly bigint[] = [
  ...[0n, 1n, 2n, 3n, 7n, 8n, 9n, 63n, 64n, 65n, 255n, 4095n, 4096n, 4097n, 0xffffn, 65536n],
  ...[31n, 32n, 40n, 46n, 47n, 52n, 53n, 57n, 63n].flatMap(bits => [
    2n ** bits - 1n,
    2n ** bits,
    2n ** bits + 1n,
  ]),
  ...[0xffffffff80000000n, 0xffffffff81000000n, 0xff11000000000000n, 0xffd4000000000000n],
  ...[-1n, -2n, -4096n, -0x80000000n].map(value => BigInt.asUintN(64, value)),
];

export const TEXTS: readonly string[] = [
  '',
  '-1',
  '-0',
  '0x',
  'abc',
  '1e9',
  ' 1',
  '18446744073709551616',
  '9'.repeat(40),
  '%s',
  '=',
  '\x80',
];

/** @param sizeBytes of the file, around which numbers are tried too. */
export function oddNumber(random: Random, sizeBytes: number): bigint {
  if (random.chance(0.2)) return random.u64() >> BigInt(random.below(64));
  if (random.chance(0.2)) return BigInt(sizeBytes + random.below(3) - 1);
  return random.pick(NUMBERS);
}

/** Little endian. */
export function encodeNumber(value: bigint, lengthBytes: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, value), true);
  return bytes.subarray(0, lengthBytes);
}
