/** Layouts of the kernel's types by BTF: look-ups by name. */
import { AutopsyError } from '../../errors.ts';
import type { Enumerator, Field, Types } from '../kernel.ts';
import { hashOf, type NameIndex } from '../name-index.ts';
import { type Btf, type BtfType, KIND } from './btf.ts';
import { fieldOf, fieldsOf, findMember, isStruct, type Member } from './members.ts';
import { arrayOf, isSigned, resolve, sizeOf } from './resolve.ts';

/** What a name without `struct` in front may mean; the first in this order counts. */
const NAMED: readonly number[] = [
  KIND.struct,
  KIND.union,
  KIND.typedef,
  KIND.enum,
  KIND.enum64,
  KIND.int,
  KIND.float,
];
const NAMED_BITS = NAMED.reduce((bits, kind) => bits | (1 << kind), 0);
const MOST_MEMBERS_IN_PATH = 16;

export class Layouts implements Types {
  readonly #btf: Btf;
  /** Of vmlinux, for a module. */
  readonly #base: Layouts | undefined;
  readonly #index: NameIndex;
  /** The numbers of its enums, from `btf.first` on. */
  readonly #enums: readonly number[];

  constructor(btf: Btf, base?: Layouts) {
    this.#btf = btf;
    this.#base = base;
    const { index, enums } = btf.namesOf(NAMED_BITS);
    this.#index = index;
    this.#enums = enums;
  }

  get btf(): Btf {
    return this.#btf;
  }

  offset(path: string): number {
    const { offsetBytes, bits } = this.field(path);
    if (bits === undefined) return offsetBytes;
    throw new AutopsyError('NOT_BYTES', {
      action: `find the offset of ${path}`,
      actual: `it is a bit field of ${bits} bits`,
      wanted: 'a member that begins at a byte',
    });
  }

  field(path: string): Field {
    const { member, baseBits } = this.#walk(path);
    return fieldOf(this.#btf, member, baseBits);
  }

  has(path: string): boolean {
    try {
      if (path.includes('.')) this.#walk(path);
      else this.#type(path);
      return true;
    } catch (error) {
      if (error instanceof AutopsyError) return false;
      throw error;
    }
  }

  size(name: string): number {
    return sizeOf(this.#btf, this.#type(name).id);
  }

  members(path: string): Field[] {
    const { member, baseBits } = path.includes('.')
      ? this.#walk(path)
      : { member: { type: this.#type(path).id, bit: 0 }, baseBits: 0 };
    const struct = elementOf(this.#btf, member.type);
    if (isStruct(struct)) return fieldsOf(this.#btf, struct, baseBits + member.bit);
    throw new AutopsyError('NO_MEMBER', {
      action: `list the members of ${path}`,
      actual: 'it has none',
      wanted: 'a struct or a union',
    });
  }

  enumValue(name: string): number {
    const wanted = Buffer.from(name, 'latin1');
    for (const i of this.#enums) {
      const type = this.#btf.type(this.#btf.first + i)!;
      for (let i = 0; i < type.vlen; i++) {
        if (this.#btf.hasName(enumeratorName(type, i), wanted))
          return this.#asNumber(name, enumeratorValue(type, i));
      }
    }
    if (this.#base) return this.#base.enumValue(name);
    throw new AutopsyError('NO_ENUMERATOR', {
      action: `find the value of ${name}`,
      actual: 'no enum of this kernel has it',
      wanted: 'an enumerator',
    });
  }

  enumerators(enumName: string): Enumerator[] {
    const type = resolve(this.#btf, this.#type(enumName).id);
    if (!isEnum(type)) throw noType(enumName, 'an enum');
    return Array.from({ length: type.vlen }, (_, i) => ({
      name: this.#btf.string(enumeratorName(type, i)),
      value: enumeratorValue(type, i),
    }));
  }

  #asNumber(name: string, value: bigint): number {
    const number = Number(value);
    if (Number.isSafeInteger(number)) return number;
    throw new AutopsyError('ENUM_VALUE', {
      action: `find the value of ${name}`,
      actual: `it is ${value}`,
      wanted: 'a number below 2^53',
    });
  }

  /** `baseBits`: where the struct that holds the member begins. */
  #walk(path: string): { member: Member; baseBits: number } {
    const [name = '', ...names] = path.split('.');
    if (names.length === 0 || names.length > MOST_MEMBERS_IN_PATH)
      throw noMember(path, names.join('.'), 'it is no path of a member', 'TYPE.MEMBER');
    let within: number = this.#type(name).id;
    let baseBits = 0;
    let member: Member | undefined;
    for (const wanted of names) {
      if (member) baseBits += member.bit;
      const struct = elementOf(this.#btf, within);
      member = isStruct(struct) ? findMember(this.#btf, struct, Buffer.from(wanted, 'latin1')) : undefined;
      if (!member) {
        const owner = isStruct(struct) && this.#btf.string(struct.nameOffset);
        throw noMember(
          path,
          wanted,
          `${owner || 'its type'} has no member ${wanted}`,
          'a member of this kernel',
        );
      }
      within = member.type;
    }
    return { member: member!, baseBits };
  }

  /** By a name with or without `struct`, `union` or `enum` in front. */
  #type(given: string): BtfType {
    const [, keyword, name = given] = /^(struct|union|enum) (.+)$/.exec(given) ?? [];
    const kinds =
      keyword === undefined
        ? NAMED
        : keyword === 'enum'
          ? [KIND.enum, KIND.enum64]
          : [KIND[keyword as 'struct']];
    const found = this.#find(Buffer.from(name, 'latin1'), kinds);
    if (found) return found;
    throw noType(given, keyword ? `one of this name` : 'a struct, union, typedef, enum or integer');
  }

  #find(name: Uint8Array, kinds: readonly number[]): BtfType | undefined {
    let best: BtfType | undefined;
    for (const i of this.#index.candidates(hashOf(name))) {
      const type = this.#btf.type(this.#btf.first + i)!;
      const rank = kinds.indexOf(type.kind);
      if (rank < 0 || (best && rank >= kinds.indexOf(best.kind))) continue;
      if (this.#btf.hasName(type.nameOffset, name)) best = type;
    }
    return best ?? (this.#base ? this.#base.#find(name, kinds) : undefined);
  }
}

/** The type itself, or that of an element of an array, whatever its dimensions. */
function elementOf(btf: Btf, id: number): BtfType | undefined {
  let type = resolve(btf, id);
  for (let depth = 0; depth < MOST_MEMBERS_IN_PATH && type?.kind === KIND.array; depth++)
    type = resolve(btf, arrayOf(type).element);
  return type;
}

function isEnum(type: BtfType | undefined): type is BtfType {
  return type?.kind === KIND.enum || type?.kind === KIND.enum64;
}

function enumeratorAt({ kind, body }: BtfType, index: number): number {
  return body + index * (kind === KIND.enum64 ? 12 : 8);
}

function enumeratorName(type: BtfType, index: number): number {
  return type.view.getUint32(enumeratorAt(type, index), true);
}

function enumeratorValue(type: BtfType, index: number): bigint {
  const at = enumeratorAt(type, index) + 4;
  if (type.kind === KIND.enum)
    return BigInt(isSigned(type) ? type.view.getInt32(at, true) : type.view.getUint32(at, true));
  return isSigned(type) ? type.view.getBigInt64(at, true) : type.view.getBigUint64(at, true);
}

function noType(name: string, wanted: string): AutopsyError {
  return new AutopsyError('NO_TYPE', {
    action: `find the type ${name}`,
    actual: 'the types of this kernel (BTF) do not have it',
    wanted,
  });
}

function noMember(path: string, member: string, actual: string, wanted: string): AutopsyError {
  return new AutopsyError('NO_MEMBER', { action: `find ${path}`, actual, wanted }, { member });
}
