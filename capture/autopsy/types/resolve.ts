/** What a type of BTF is behind its typedefs and qualifiers, and how large. Bounded: damaged types may refer to themselves. */
import { AutopsyError } from '../../errors.ts';
import type { TypeKind } from '../kernel.ts';
import type { Btf } from './btf.ts';
import { type BtfType, KIND } from './btf-format.ts';

const NAMES: readonly number[] = [
  KIND.typedef,
  KIND.volatile,
  KIND.const,
  KIND.restrict,
  KIND.typeTag,
  KIND.declTag,
  KIND.variable,
];

const KINDS: Readonly<Record<number, TypeKind>> = {
  [KIND.int]: 'integer',
  [KIND.float]: 'float',
  [KIND.pointer]: 'pointer',
  [KIND.array]: 'array',
  [KIND.struct]: 'struct',
  [KIND.union]: 'union',
  [KIND.forward]: 'struct',
  [KIND.enum]: 'enum',
  [KIND.enum64]: 'enum',
  [KIND.function]: 'function',
  [KIND.prototype]: 'function',
};

const MOST_NAMES = 64;
const MOST_DIMENSIONS = 16;
const POINTER_BYTES = 8;
/** INT encoding, bit 24. */
const INT_SIGNED = 1 << 24;

/** Undefined for void and for a number that no type has. @throws AutopsyError BTF_CIRCLE */
export function resolve(btf: Btf, id: number): BtfType | undefined {
  let type = btf.type(id);
  for (let steps = 0; type && NAMES.includes(type.kind); steps++) {
    if (steps === MOST_NAMES) throw circle(btf, id);
    type = btf.type(type.sizeOrType);
  }
  return type;
}

export function kindName(type: BtfType | undefined): TypeKind {
  return (type && KINDS[type.kind]) ?? 'void';
}

export function isSigned(type: BtfType | undefined): boolean {
  if (type?.kind === KIND.int) return (type.table.u32(type.body) & INT_SIGNED) !== 0;
  return (type?.kind === KIND.enum || type?.kind === KIND.enum64) && type.kind_flag;
}

/** Of an int: the bits that it takes when it is a bit field without kind_flag; undefined when it is a whole one. */
export function intBits({
  kind,
  table,
  body,
  sizeOrType,
}: BtfType): { offset: number; bits: number } | undefined {
  if (kind !== KIND.int) return undefined;
  const encoding = table.u32(body);
  const found = { offset: (encoding >>> 16) & 0xff, bits: encoding & 0xff };
  return found.offset === 0 && found.bits === 8 * sizeOrType ? undefined : found;
}

export interface ArrayFacts {
  readonly element: number;
  readonly count: number;
}

export function arrayOf({ table, body }: BtfType): ArrayFacts {
  return { element: table.u32(body), count: table.u32(body + 8) };
}

/** In bytes; 0 for void and functions. @throws AutopsyError BTF_CIRCLE, BTF_SIZE */
export function sizeOf(btf: Btf, id: number): number {
  let count = 1;
  let type = resolve(btf, id);
  for (let depth = 0; type?.kind === KIND.array; depth++) {
    if (depth === MOST_DIMENSIONS) throw circle(btf, id);
    const array = arrayOf(type);
    count *= array.count;
    type = resolve(btf, array.element);
  }
  const size = count * ownSize(type);
  if (Number.isSafeInteger(size)) return size;
  throw new AutopsyError('BTF_SIZE', {
    action: 'read a type of the kernel (BTF)',
    actual: `type ${id} has ${size} bytes`,
    wanted: 'a size that memory can have',
  });
}

function ownSize(type: BtfType | undefined): number {
  switch (kindName(type)) {
    case 'pointer':
      return POINTER_BYTES;
    case 'integer':
    case 'float':
    case 'enum':
    case 'struct':
    case 'union':
      return type!.kind === KIND.forward ? 0 : type!.sizeOrType;
    default:
      return 0;
  }
}

function circle(btf: Btf, id: number): AutopsyError {
  return new AutopsyError('BTF_CIRCLE', {
    action: 'read a type of the kernel (BTF)',
    actual: `type ${id} of ${btf.end} refers to itself`,
    wanted: 'a type that ends',
  });
}
