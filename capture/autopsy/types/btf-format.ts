/** BTF as it is stored: a header, types one after another, strings (Documentation/bpf/btf.rst, include/uapi/linux/btf.h). */
import { AutopsyError } from '../../errors.ts';
import type { Table } from '../table.ts';

export const KIND = {
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
  restrict: 11,
  function: 12,
  prototype: 13,
  variable: 14,
  section: 15,
  float: 16,
  declTag: 17,
  typeTag: 18,
  enum64: 19,
} as const;

/** What follows the 12 bytes of a type, by kind: bytes, and bytes for each of its `vlen` parts. */
const BODIES: Readonly<Record<number, readonly [number, number]>> = {
  [KIND.int]: [4, 0],
  [KIND.pointer]: [0, 0],
  [KIND.array]: [12, 0],
  [KIND.struct]: [0, 12],
  [KIND.union]: [0, 12],
  [KIND.enum]: [0, 8],
  [KIND.forward]: [0, 0],
  [KIND.typedef]: [0, 0],
  [KIND.volatile]: [0, 0],
  [KIND.const]: [0, 0],
  [KIND.restrict]: [0, 0],
  [KIND.function]: [0, 0],
  [KIND.prototype]: [0, 8],
  [KIND.variable]: [4, 0],
  [KIND.section]: [0, 12],
  [KIND.float]: [0, 0],
  [KIND.declTag]: [4, 0],
  [KIND.typeTag]: [0, 0],
  [KIND.enum64]: [0, 12],
};

const MAGIC = 0xeb9f;
const VERSION = 1;
export const HEADER_BYTES = 24;
/** Of a type, before what its kind adds: its name, INFO and a size or another type. */
export const TYPE_BYTES = 12;
const INFO_AT = 4;
const SIZE_AT = 8;
/** A kernel's BTF has 5 to 10 MB. */
export const MOST_BTF_BYTES = 64 << 20;
const KINDS = 32;

/**
 * Of each kind the bytes that all of its types have, and those of each part. A kind that we do not know has more than any BTF:
 * nobody can tell where the next type begins.
 */
export const FIXED_BYTES = Array.from({ length: KINDS }, (_, kind) => {
  const body = BODIES[kind];
  return body ? TYPE_BYTES + body[0] : 2 * MOST_BTF_BYTES;
});
export const PART_BYTES = Array.from({ length: KINDS }, (_, kind) => BODIES[kind]?.[1] ?? 0);

export interface BtfHeader {
  readonly hdr_len: number;
  readonly type_off: number;
  readonly type_len: number;
  readonly str_off: number;
  readonly str_len: number;
}

export interface BtfType {
  readonly id: number;
  readonly kind: number;
  readonly nameOffset: number;
  /** How many members, enumerators or parameters it has. */
  readonly vlen: number;
  readonly kind_flag: boolean;
  /** The size of the type, or the number of the type that it refers to. */
  readonly sizeOrType: number;
  /** Of what follows, within `table`. */
  readonly body: number;
  readonly table: Table;
}

/** @throws AutopsyError BTF_HEADER */
export function decodeBtfHeader(bytes: Uint8Array): BtfHeader {
  const refuse = (actual: string, wanted: string) =>
    new AutopsyError('BTF_HEADER', { action: 'read the types of the kernel (BTF)', actual, wanted });
  if (bytes.length < HEADER_BYTES)
    throw refuse(`it has ${bytes.length} bytes`, `a header of ${HEADER_BYTES} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const magic = view.getUint16(0, true);
  if (magic !== MAGIC) throw refuse(`it begins with 0x${magic.toString(16)}`, `0x${MAGIC.toString(16)}`);
  if (view.getUint8(2) !== VERSION) throw refuse(`its version is ${view.getUint8(2)}`, `${VERSION}`);
  const [hdr_len, type_off, type_len, str_off, str_len] = [4, 8, 12, 16, 20].map(at =>
    view.getUint32(at, true),
  ) as [number, number, number, number, number];
  if (hdr_len < HEADER_BYTES) throw refuse(`its header has ${hdr_len} bytes`, `${HEADER_BYTES} or more`);
  return { hdr_len, type_off, type_len, str_off, str_len };
}

/** @param at where it begins. */
export function typeAt(table: Table, id: number, at: number): BtfType {
  const info = table.u32(at + INFO_AT);
  return {
    id,
    kind: kindOf(info),
    nameOffset: table.u32(at),
    vlen: info & 0xffff,
    kind_flag: info >>> 31 === 1,
    sizeOrType: table.u32(at + SIZE_AT),
    body: at + TYPE_BYTES,
    table,
  };
}

/** Of the type that begins at `at`. */
export function infoAt(table: Table, at: number): number {
  return table.u32(at + INFO_AT);
}

export function kindOf(info: number): number {
  return (info >>> 24) & (KINDS - 1);
}

export function typeBytes(info: number): number {
  const kind = kindOf(info);
  return FIXED_BYTES[kind]! + PART_BYTES[kind]! * (info & 0xffff);
}

/** Of the enumerator `index`: the offset of its name. */
export function enumeratorName(type: BtfType, index: number): number {
  return type.table.u32(enumeratorAt(type, index));
}

export function enumeratorAt({ kind, body }: BtfType, index: number): number {
  return body + index * PART_BYTES[kind]!;
}
