/** The members of a struct or union in BTF, those of anonymous ones among them found as in C. */
import { AutopsyError } from '../../errors.ts';
import type { Field } from '../kernel.ts';
import type { Btf } from './btf.ts';
import { type BtfType, KIND } from './btf-format.ts';
import { declaration } from './declaration.ts';
import { type ArrayFacts, arrayOf, intBits, isSigned, kindName, resolve, sizeOf } from './resolve.ts';

const MEMBER_BYTES = 12;
/** Members looked at for one name. The largest struct of the kernel has some 300; damaged ones may hold themselves. */
const MOST_LOOKED_AT = 1 << 16;
const MOST_DEPTH = 16;

/** A member within the struct that directly holds it. */
export interface Member {
  readonly nameOffset: number;
  readonly type: number;
  /** From the beginning of the struct. */
  readonly bit: number;
  /** Of a bit field. */
  readonly bits: number | undefined;
}

export function isStruct(type: BtfType | undefined): type is BtfType {
  return type?.kind === KIND.struct || type?.kind === KIND.union;
}

export function memberAt(btf: Btf, struct: BtfType, index: number): Member {
  const at = struct.body + index * MEMBER_BYTES;
  const nameOffset = struct.table.u32(at);
  const type = struct.table.u32(at + 4);
  const offset = struct.table.u32(at + 8);
  if (struct.kind_flag) {
    const bits = offset >>> 24;
    return { nameOffset, type, bit: offset & 0xffffff, bits: bits === 0 ? undefined : bits };
  }
  const resolved = resolve(btf, type);
  const field = resolved && intBits(resolved);
  return { nameOffset, type, bit: offset + (field?.offset ?? 0), bits: field?.bits };
}

/** @param name as bytes. Its `bit` is from the beginning of `struct`. @throws AutopsyError BTF_CIRCLE */
export function findMember(btf: Btf, struct: BtfType, name: Uint8Array): Member | undefined {
  if (name.length === 0) return undefined;
  let left = MOST_LOOKED_AT;
  const search = (within: BtfType, base: number, depth: number): Member | undefined => {
    for (let i = 0; i < within.vlen && left > 0; i++, left--) {
      const nameOffset = within.table.u32(within.body + i * MEMBER_BYTES);
      // Most members have neither this name nor none, and the first byte tells.
      const first = btf.stringByte(nameOffset);
      if (first !== 0 && first !== name[0]) continue;
      const isFound = btf.hasName(nameOffset, name);
      if (!isFound && first !== 0) continue;
      const member = memberAt(btf, within, i);
      if (isFound) return { ...member, bit: base + member.bit };
      const inner = depth < MOST_DEPTH ? resolve(btf, member.type) : undefined;
      const hit = isStruct(inner) ? search(inner, base + member.bit, depth + 1) : undefined;
      if (hit) return hit;
    }
    return undefined;
  };
  return search(struct, 0, 0);
}

/** @param baseBits where the struct of the member begins, from that of the path. */
export function fieldOf(btf: Btf, member: Member, baseBits: number): Field {
  const type = resolve(btf, member.type);
  const bit = baseBits + member.bit;
  const name = btf.string(member.nameOffset);
  const array = type?.kind === KIND.array ? arrayOf(type) : undefined;
  return {
    name,
    offsetBytes: Math.floor(bit / 8),
    sizeBytes: sizeOf(btf, member.type),
    ...(member.bits !== undefined && { bitOffset: bit % 8, bits: member.bits }),
    kind: kindName(type),
    isSigned: isSigned(type),
    ...(array && elementFacts(btf, array)),
    typeName: declaration(btf, member.type),
    declaration: `${declaration(btf, member.type, name)}${member.bits === undefined ? '' : `:${member.bits}`}`,
  };
}

function elementFacts(btf: Btf, { element, count }: ArrayFacts) {
  const type = resolve(btf, element);
  return {
    elements: count,
    elementBytes: sizeOf(btf, element),
    elementKind: kindName(type),
    elementIsSigned: isSigned(type),
  };
}

/** All that `struct` directly holds; of anonymous structs and unions, what is in them too. @throws AutopsyError BTF_MEMBERS */
export function fieldsOf(btf: Btf, struct: BtfType, baseBits: number): Field[] {
  let left = MOST_SHOWN;
  const all = (within: BtfType, base: number, depth: number): Field[] =>
    Array.from({ length: within.vlen }, (_, i) => {
      if (--left < 0 || depth > MOST_DEPTH) throw tooMany(btf, struct);
      const member = memberAt(btf, within, i);
      const field = fieldOf(btf, member, base);
      const inner = field.name === '' ? resolve(btf, member.type) : undefined;
      if (!isStruct(inner)) return field;
      return { ...field, members: all(inner, base + member.bit, depth + 1) };
    });
  return all(struct, baseBits, 0);
}

const MOST_SHOWN = 1 << 14;

function tooMany(btf: Btf, struct: BtfType): AutopsyError {
  return new AutopsyError('BTF_MEMBERS', {
    action: `list the members of ${btf.string(struct.nameOffset)}`,
    actual: `there are more than ${MOST_SHOWN}, or they nest more than ${MOST_DEPTH} times`,
    wanted: 'a struct of a kernel',
  });
}
