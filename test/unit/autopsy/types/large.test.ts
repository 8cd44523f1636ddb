/** Types of more than one window, whole and cut: what is before the cut is found, and nothing behind it. */
import { expect, test } from 'vitest';
import { wholeTable } from '../../../../capture/autopsy/table.ts';
import { Btf } from '../../../../capture/autopsy/types/btf.ts';
import { Layouts } from '../../../../capture/autopsy/types/layouts.ts';
import { AutopsyError } from '../../../../capture/errors.ts';
import { BtfBuilder } from '../../../support/btf-builder.ts';

const HEADER_BYTES = 24;
const STRUCTS = 6000;
const STRUCT_BYTES = 12 + 12;
const WIDE = 7000;

/** Structs of one member each; the one in the middle is larger than a window. */
function build() {
  const btf = new BtfBuilder();
  const int = btf.int('int', 4);
  const member = (name: string) => ({ name, type: int, bit: 0 });
  for (let i = 0; i < STRUCTS; i++) {
    if (i === STRUCTS / 2) btf.struct('wide', 4, Array(WIDE).fill(member('')).with(-1, member('last')));
    // Many begin alike, for longer than what they are found by.
    btf.struct(`a_long_common_beginning_${i % 2 === 0 ? 'even' : 'odd'}_${i}`, i, [member('own')]);
  }
  return btf.build();
}

const BYTES = build();
const nameOf = (i: number) => `a_long_common_beginning_${i % 2 === 0 ? 'even' : 'odd'}_${i}`;
const endOf = (i: number) =>
  HEADER_BYTES + 16 + STRUCT_BYTES * (i + 1) + (i >= STRUCTS / 2 ? 12 + 12 * WIDE : 0);

test('each is found', () => {
  const layouts = new Layouts(new Btf(wholeTable(BYTES)));
  for (let i = 0; i < STRUCTS; i += 97) expect(layouts.size(nameOf(i))).toBe(i);
  expect(layouts.offset('wide.last')).toBe(0);
  expect(layouts.has('a_long_common_beginning')).toBe(false);
});

/** BTF of which the types are cut and the strings are not. */
function cutTypes(lengthBytes: number): Uint8Array {
  const types = HEADER_BYTES + BYTES.readUInt32LE(12);
  const bytes = Buffer.concat([BYTES.subarray(0, HEADER_BYTES + lengthBytes), BYTES.subarray(types)]);
  bytes.writeUInt32LE(lengthBytes, 12);
  bytes.writeUInt32LE(lengthBytes, 16);
  return bytes;
}

const WINDOW = 64 << 10;
test.each([1, 2, 3])('types that end around window %d', windows => {
  for (const apart of [-25, -24, -13, -12, -11, -1, 0, 1, 11, 12, 13, 24, 25]) {
    const length = windows * WINDOW + apart;
    const layouts = new Layouts(new Btf(wholeTable(cutTypes(length))));
    const whole = Array.from({ length: STRUCTS }, (_, i) => i).filter(i => endOf(i) <= HEADER_BYTES + length);
    const last = whole.at(-1)!;
    expect(layouts.size(nameOf(last))).toBe(last);
    expect(layouts.has(nameOf(last + 1))).toBe(false);
    if (last < STRUCTS / 2 - 1) expect(layouts.has('wide')).toBe(false);
  }
});

test('a dump that ends within the types has their numbers, but no names', () => {
  const btf = new Btf(wholeTable(BYTES.subarray(0, endOf(99) + 5)));
  expect(btf.warning).toBe('BTF is cut or damaged after 101 types');
  expect(btf.type(101)).toMatchObject({ sizeOrType: 99 });
  expect(btf.type(102)).toBeUndefined();
  expect(() => new Layouts(btf).size(nameOf(99))).toThrow(AutopsyError);
});
