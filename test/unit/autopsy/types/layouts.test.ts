/** Layouts by BTF: every kind that a kernel has, what is looked up, and what damaged types must not do. */
import { describe, expect, test } from 'vitest';
import { wholeTable } from '../../../../capture/autopsy/table.ts';
import { Btf } from '../../../../capture/autopsy/types/btf.ts';
import { Layouts } from '../../../../capture/autopsy/types/layouts.ts';
import { AutopsyError, Failure } from '../../../../capture/errors.ts';
import { BtfBuilder } from '../../../support/btf-builder.ts';
import { Random } from '../../../support/random.ts';

/** A small kernel's types. `base` is to be continued by a module. */
function types() {
  const btf = new BtfBuilder();
  const int = btf.int('int', 4, { isSigned: true });
  const uint = btf.int('unsigned int', 4);
  const ulong = btf.int('long unsigned int', 8);
  const char = btf.int('char', 1, { isSigned: true });
  const listHead = btf.next;
  const listPointer = listHead + 1;
  btf.struct('list_head', 16, [
    { name: 'next', type: listPointer, bit: 0 },
    { name: 'prev', type: listPointer, bit: 64 },
  ]);
  btf.pointer(listHead);
  const atomic = btf.typedef('atomic_t', btf.struct('', 4, [{ name: 'counter', type: int, bit: 0 }]));
  const flags = btf.struct('', 8, [
    { name: 'first', type: uint, bit: 0, bits: 1 },
    { name: 'wide', type: uint, bit: 7, bits: 9 },
    { name: 'negative', type: int, bit: 16, bits: 3 },
    { name: 'whole', type: uint, bit: 32, bits: 0 },
  ]);
  const union = btf.struct(
    '',
    16,
    [
      { name: 'lru', type: listHead, bit: 0 },
      { name: '', type: flags, bit: 64 },
    ],
    'union',
  );
  const state = btf.enum('state', { RUNNING: 0, DEAD: -1 }, true);
  btf.enum('zones', { ZONE_DMA: 0, ZONE_HIGH: 0x80000000 });
  btf.enum64('masks', { ALL: 2n ** 63n, ONE: 1n });
  btf.enum64('debts', { DEBT: -5n }, true);
  const fn = btf.pointer(btf.prototype(int, [btf.pointer(btf.const(char)), 0]));
  const old = btf.int('old', 4, { offset: 3, bits: 5 });
  btf.struct('old_style', 4, [{ name: 'bits', type: old, bit: 8 }]);
  const entry = btf.struct('entry', 24, [
    { name: 'list', type: listHead, bit: 0 },
    { name: 'refs', type: atomic, bit: 128 },
  ]);
  btf.struct('page', 144, [
    { name: 'flags', type: btf.volatile(ulong), bit: 0 },
    { name: '', type: union, bit: 64 },
    { name: 'comm', type: btf.array(char, 16), bit: 192 },
    { name: 'entries', type: btf.array(btf.array(entry, 2), 1), bit: 320 },
    { name: 'state', type: state, bit: 704 },
    { name: 'call', type: fn, bit: 768 },
    { name: 'tail', type: btf.array(ulong, 0), bit: 832 },
  ]);
  btf.forward('hidden');
  btf.float('double', 8);
  // A name may be both.
  btf.typedef('both', ulong);
  btf.struct('both', 32, []);
  return btf;
}

const layouts = new Layouts(new Btf(wholeTable(types().build())));

describe('members', () => {
  test.each([
    ['list_head.prev', 8],
    ['page.lru', 8],
    ['page.lru.prev', 16],
    ['page.comm', 24],
    ['page.entries.refs', 56],
    ['page.entries.refs.counter', 56],
    ['struct page.tail', 104],
    ['atomic_t.counter', 0],
    ['page.whole', 20],
  ])('%s is at %d', (path, offset) => {
    expect(layouts.offset(path)).toBe(offset);
    expect(layouts.has(path)).toBe(true);
  });

  test.each([
    ['page.first', { offsetBytes: 16, bitOffset: 0, bits: 1, sizeBytes: 4, isSigned: false }],
    ['page.wide', { offsetBytes: 16, bitOffset: 7, bits: 9, sizeBytes: 4 }],
    ['page.negative', { offsetBytes: 18, bitOffset: 0, bits: 3, isSigned: true }],
    ['old_style.bits', { offsetBytes: 1, bitOffset: 3, bits: 5 }],
    ['page.comm', { kind: 'array', elements: 16, elementBytes: 1, elementIsSigned: true, sizeBytes: 16 }],
    ['page.state', { kind: 'enum', isSigned: true, sizeBytes: 4 }],
    ['page.call', { kind: 'pointer', sizeBytes: 8 }],
  ])('%s', (path, field) => {
    expect(layouts.field(path)).toMatchObject(field);
  });

  test.each([
    ['page.flags', 'volatile long unsigned int flags'],
    ['page.comm', 'char comm[16]'],
    ['page.entries', 'struct entry entries[1][2]'],
    ['page.call', 'int (*call)(const char *, ...)'],
    ['page.wide', 'unsigned int wide:9'],
    ['list_head.next', 'struct list_head *next'],
    ['page.state', 'enum state state'],
  ])('%s is declared as in C', (path, declaration) => {
    expect(layouts.field(path).declaration).toBe(declaration);
  });

  test('all of a struct, anonymous ones with theirs', () => {
    const members = layouts.members('page');
    expect(members.map(({ name }) => name)).toEqual([
      'flags',
      '',
      'comm',
      'entries',
      'state',
      'call',
      'tail',
    ]);
    expect(members[1]!.members!.map(({ name, offsetBytes }) => [name, offsetBytes])).toEqual([
      ['lru', 8],
      ['', 16],
    ]);
    expect(members[1]!.members![1]!.members![1]).toMatchObject({
      name: 'wide',
      offsetBytes: 16,
      bitOffset: 7,
    });
    expect(layouts.members('page.entries').map(({ offsetBytes }) => offsetBytes)).toEqual([40, 56]);
  });
});

test('sizes, enumerators', () => {
  expect(['page', 'atomic_t', 'char', 'state', 'double', 'both'].map(name => layouts.size(name))).toEqual([
    144, 4, 1, 4, 8, 32,
  ]);
  expect(['DEAD', 'ZONE_HIGH', 'ONE', 'DEBT'].map(name => layouts.enumValue(name))).toEqual([
    -1,
    2 ** 31,
    1,
    -5,
  ]);
  expect(layouts.enumerators('masks')).toEqual([
    { name: 'ALL', value: 2n ** 63n },
    { name: 'ONE', value: 1n },
  ]);
});

test.each([
  [() => layouts.offset('nothing.member'), 'NO_TYPE', 'the type nothing'],
  [() => layouts.offset('page.nothing'), 'NO_MEMBER', 'page has no member nothing'],
  [() => layouts.offset('page.comm.x'), 'NO_MEMBER', 'no member x'],
  [() => layouts.offset('page'), 'NO_MEMBER', 'no path'],
  [() => layouts.offset('page.wide'), 'NOT_BYTES', 'bit field of 9 bits'],
  [() => layouts.size('union page'), 'NO_TYPE', 'union page'],
  [() => layouts.enumValue('NOTHING'), 'NO_ENUMERATOR', 'NOTHING'],
  [() => layouts.enumValue('ALL'), 'ENUM_VALUE', '9223372036854775808'],
  [() => layouts.enumerators('page'), 'NO_TYPE', 'an enum'],
  [() => layouts.members('page.comm'), 'NO_MEMBER', 'it has none'],
])('what there is not: %s', (look, code, words) => {
  expect(look).toThrow(expect.objectContaining({ code, message: expect.stringContaining(words) }));
});

test('a module continues the numbers and the names of the kernel', () => {
  const base = types();
  const module = new BtfBuilder(base);
  const list = 5;
  module.struct('zram', 24, [
    { name: 'list', type: list, bit: 0 },
    { name: 'name', type: module.array(4, 8), bit: 128 },
  ]);
  const own = new Layouts(new Btf(wholeTable(module.build()), new Btf(wholeTable(base.build()))), layouts);
  expect(own.offset('zram.list.prev')).toBe(8);
  expect(own.field('zram.name').declaration).toBe('char name[8]');
  expect(own.offset('page.comm')).toBe(24);
  expect(own.enumValue('DEAD')).toBe(-1);
  expect(layouts.has('zram')).toBe(false);
});

/** All that can be asked of types; what they cannot answer is an error that was foreseen. */
function askEverything(bytes: Uint8Array): void {
  let damaged: Layouts;
  try {
    damaged = new Layouts(new Btf(wholeTable(bytes)));
  } catch (error) {
    expect(error).toBeInstanceOf(AutopsyError);
    return;
  }
  const questions: (() => unknown)[] = [
    ...['list_head.prev', 'page.lru.prev', 'page.wide', 'page.entries.refs.counter', 'page.call'].map(
      path => () => damaged.field(path),
    ),
    ...['page', 'atomic_t', 'entry', 'page.entries'].map(path => () => damaged.members(path)),
    ...['page', 'atomic_t', 'double', 'state'].map(name => () => damaged.size(name)),
    () => damaged.enumerators('state'),
    () => damaged.enumValue('NOTHING'),
  ];
  for (const ask of questions) {
    try {
      ask();
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
    }
  }
}

describe('damage', () => {
  const whole = types().build();

  test('cut at every byte', () => {
    for (let length = 0; length < whole.length; length++) askEverything(whole.subarray(0, length));
    expect(new Btf(wholeTable(whole)).warning).toBeUndefined();
    expect(new Btf(wholeTable(whole.subarray(0, 200))).warning).toContain('cut or damaged');
  });

  test('every word of it changed to each of some values', () => {
    for (let at = 0; at + 4 <= whole.length; at += 4) {
      for (const value of [0, 1, 0xffffffff, 0x8400ffff]) {
        const bytes = Buffer.from(whole);
        bytes.writeUInt32LE(value, at);
        askEverything(bytes);
      }
    }
  });

  test('500 mutants of a seed', () => {
    const random = new Random(17);
    for (let mutant = 0; mutant < 500; mutant++) {
      const bytes = Buffer.from(whole);
      for (let i = random.below(6); i >= 0; i--) bytes[random.below(bytes.length)] = random.below(256);
      askEverything(bytes);
    }
  });

  test('types that refer to themselves', () => {
    const btf = new BtfBuilder();
    btf.raw(8, 'loop', 1);
    btf.raw(3, 'array', 0, [2, 0, 0xffffffff]);
    const self = btf.next;
    btf.struct('self', 8, [
      { name: '', type: self, bit: 0 },
      { name: '', type: self, bit: 0 },
    ]);
    btf.raw(2, 'endless', btf.next);
    btf.struct('holder', 8, [
      { name: 'array', type: 2, bit: 0 },
      { name: 'pointer', type: self + 1, bit: 0 },
    ]);
    const damaged = new Layouts(new Btf(wholeTable(btf.build())));
    expect(() => damaged.size('loop')).toThrow(AutopsyError);
    expect(() => damaged.field('self.x')).toThrow(AutopsyError);
    expect(() => damaged.members('self')).toThrow(AutopsyError);
    expect(() => damaged.field('holder.array')).toThrow(AutopsyError);
    expect(damaged.field('holder.pointer').declaration).toContain('…');
  });

  test('a kind that nobody knows ends the types, and those before it count', () => {
    const btf = new BtfBuilder();
    btf.int('int', 4);
    btf.raw(31, 'later', 4);
    btf.int('char', 1);
    const read = new Btf(wholeTable(btf.build()));
    expect(read.warning).toBe('BTF is cut or damaged after 1 type');
    expect(new Layouts(read).size('int')).toBe(4);
  });
});
