/** Builds BTF from parts, valid or not. Shares no code with the reader. (Documentation/bpf/btf.rst) */

export interface MemberSpec {
  readonly name: string;
  readonly type: number;
  /** From the beginning of the struct. */
  readonly bit: number;
  readonly bits?: number;
}

const KIND = {
  int: 1,
  pointer: 2,
  array: 3,
  struct: 4,
  union: 5,
  enum: 6,
  forward: 7,
  typedef: 8,
  volatile: 9,
  const: 10,
  prototype: 13,
  float: 16,
  enum64: 19,
};

export class BtfBuilder {
  readonly #types: Buffer[] = [];
  readonly #first: number;
  readonly #firstString: number;
  #strings: Buffer;

  /** @param base of vmlinux, for a module. */
  constructor(base?: BtfBuilder) {
    this.#first = base ? base.next : 1;
    this.#firstString = base ? base.stringsEnd : 0;
    this.#strings = base ? Buffer.alloc(0) : Buffer.from([0]);
  }

  /** The number of the type that is added next. */
  get next(): number {
    return this.#first + this.#types.length;
  }

  get stringsEnd(): number {
    return this.#firstString + this.#strings.length;
  }

  int(name: string, bytes: number, { isSigned = false, offset = 0, bits = 8 * bytes } = {}): number {
    const encoding = ((isSigned ? 1 : 0) << 24) | (offset << 16) | bits;
    return this.#add(KIND.int, name, bytes, [encoding]);
  }

  pointer(type: number): number {
    return this.#add(KIND.pointer, '', type);
  }

  array(element: number, count: number): number {
    return this.#add(KIND.array, '', 0, [element, 0, count]);
  }

  /** With bit fields when one of its members is one; without, offsets are plain. */
  struct(
    name: string,
    bytes: number,
    members: readonly MemberSpec[],
    kind: 'struct' | 'union' = 'struct',
  ): number {
    const hasBits = members.some(({ bits }) => bits !== undefined);
    const words = members.flatMap(({ name: member, type, bit, bits = 0 }) => [
      this.#string(member),
      type,
      hasBits ? ((bits << 24) | bit) >>> 0 : bit,
    ]);
    return this.#add(KIND[kind], name, bytes, words, members.length, hasBits);
  }

  enum(name: string, values: Readonly<Record<string, number>>, isSigned = false): number {
    const words = Object.entries(values).flatMap(([one, value]) => [this.#string(one), value >>> 0]);
    return this.#add(KIND.enum, name, 4, words, Object.keys(values).length, isSigned);
  }

  enum64(name: string, values: Readonly<Record<string, bigint>>, isSigned = false): number {
    const words = Object.entries(values).flatMap(([one, value]) => [
      this.#string(one),
      Number(BigInt.asUintN(32, value)),
      Number(BigInt.asUintN(32, value >> 32n)),
    ]);
    return this.#add(KIND.enum64, name, 8, words, Object.keys(values).length, isSigned);
  }

  typedef(name: string, type: number): number {
    return this.#add(KIND.typedef, name, type);
  }

  const(type: number): number {
    return this.#add(KIND.const, '', type);
  }

  volatile(type: number): number {
    return this.#add(KIND.volatile, '', type);
  }

  forward(name: string): number {
    return this.#add(KIND.forward, name, 0);
  }

  float(name: string, bytes: number): number {
    return this.#add(KIND.float, name, bytes);
  }

  prototype(result: number, parameters: readonly number[]): number {
    const words = parameters.flatMap(type => [0, type]);
    return this.#add(KIND.prototype, '', result, words, parameters.length);
  }

  /** A type as its words, for what no kernel has. */
  raw(kind: number, name: string, sizeOrType: number, words: readonly number[] = [], vlen = 0): number {
    return this.#add(kind, name, sizeOrType, words, vlen);
  }

  build(): Buffer {
    const types = Buffer.concat(this.#types);
    const header = Buffer.alloc(24);
    header.writeUInt16LE(0xeb9f, 0);
    header.writeUInt8(1, 2);
    [24, 0, types.length, types.length, this.#strings.length].forEach((word, i) => {
      header.writeUInt32LE(word, 4 + 4 * i);
    });
    return Buffer.concat([header, types, this.#strings]);
  }

  #string(text: string): number {
    if (text === '') return 0;
    const at = this.stringsEnd;
    this.#strings = Buffer.concat([this.#strings, Buffer.from(`${text}\0`, 'latin1')]);
    return at;
  }

  #add(
    kind: number,
    name: string,
    sizeOrType: number,
    words: readonly number[] = [],
    vlen = 0,
    flag = false,
  ): number {
    const type = Buffer.alloc(12 + 4 * words.length);
    type.writeUInt32LE(this.#string(name), 0);
    type.writeUInt32LE((((flag ? 1 : 0) << 31) | (kind << 24) | vlen) >>> 0, 4);
    type.writeUInt32LE(sizeOrType, 8);
    words.forEach((word, i) => {
      type.writeUInt32LE(word >>> 0, 12 + 4 * i);
    });
    this.#types.push(type);
    return this.next - 1;
  }
}
