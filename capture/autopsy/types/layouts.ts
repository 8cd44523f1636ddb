/** Layouts of the kernel's types by BTF: look-ups by name. */
import { AutopsyError } from '../../errors.ts';
import type { Enumerator, Field, Types } from '../kernel.ts';
import { remembering } from '../remember.ts';
import type { Btf } from './btf.ts';
import { type BtfType, enumeratorAt, enumeratorName, KIND } from './btf-format.ts';
import { fieldOf, fieldsOf, findMember, isStruct, type Member } from './members.ts';
import { arrayOf, isSigned, resolve, sizeOf } from './resolve.ts';
import { NAMED } from './type-pass.ts';

const MOST_MEMBERS_IN_PATH = 16;
/** Names and paths are words of our own sources, or of a command: there are fewer. */
const MOST_KNOWN = 1 << 14;
/** As bits. */
const ENUMS = (1 << KIND.enum) | (1 << KIND.enum64);

interface Walked {
  readonly member: Member;
  /** Where the struct that holds the member begins. */
  readonly baseBits: number;
}

export class Layouts implements Types {
  readonly #btf: Btf;
  /** Of vmlinux, for a module. */
  readonly #base: Layouts | undefined;
  /** In which an enumerator was found. */
  #lastEnum: BtfType | undefined;
  readonly has: (path: string) => boolean;
  readonly field: (path: string) => Field;
  readonly size: (name: string) => number;
  readonly members: (path: string) => readonly Field[];
  readonly #type: (given: string) => BtfType;
  readonly #walk: (path: string) => Walked;

  constructor(btf: Btf, base?: Layouts) {
    this.#btf = btf;
    this.#base = base;
    this.has = remembering(MOST_KNOWN, path => this.#findsOut(path));
    this.#type = remembering(MOST_KNOWN, given => this.#typeNamed(given));
    this.#walk = remembering(MOST_KNOWN, path => this.#walked(path));
    this.field = remembering(MOST_KNOWN, path => {
      const { member, baseBits } = this.#walk(path);
      return fieldOf(btf, member, baseBits);
    });
    this.members = remembering(MOST_KNOWN, path => this.#membersOf(path));
    this.size = remembering(MOST_KNOWN, name => sizeOf(btf, this.#type(name).id));
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

  #findsOut(path: string): boolean {
    try {
      if (path.includes('.')) this.#walk(path);
      else this.#type(path);
      return true;
    } catch (error) {
      if (error instanceof AutopsyError) return false;
      throw error;
    }
  }

  #membersOf(path: string): Field[] {
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
    for (const type of this.#enums()) {
      const index = this.#indexIn(type, wanted);
      if (index < 0) continue;
      this.#lastEnum = type;
      return this.#asNumber(name, enumeratorValue(type, index));
    }
    if (this.#base) return this.#base.enumValue(name);
    throw new AutopsyError('NO_ENUMERATOR', {
      action: `find the value of ${name}`,
      actual: 'no enum of this kernel has it',
      wanted: 'an enumerator',
    });
  }

  /** Those that are asked for one after another are mostly of one enum. */
  *#enums(): Generator<BtfType> {
    if (this.#lastEnum) yield this.#lastEnum;
    yield* this.#btf.ofKinds(ENUMS);
  }

  /** Of the enumerator with this name; -1 where it has none. */
  #indexIn(type: BtfType, name: Uint8Array): number {
    for (let i = 0; i < type.vlen; i++) if (this.#btf.hasName(enumeratorName(type, i), name)) return i;
    return -1;
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

  #walked(path: string): Walked {
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
  #typeNamed(given: string): BtfType {
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
    for (const type of this.#btf.namedTypes(name)) {
      const rank = kinds.indexOf(type.kind);
      if (rank >= 0 && !(best && rank >= kinds.indexOf(best.kind))) best = type;
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

function enumeratorValue(type: BtfType, index: number): bigint {
  const at = enumeratorAt(type, index) + 4;
  const low = BigInt(type.table.u32(at));
  const [value, bits] =
    type.kind === KIND.enum ? [low, 32] : [low | (BigInt(type.table.u32(at + 4)) << 32n), 64];
  return isSigned(type) ? BigInt.asIntN(bits, value) : value;
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
