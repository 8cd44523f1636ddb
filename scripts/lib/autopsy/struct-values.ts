/** The values of a structure's members as text: numbers in decimal, pointers with their symbols, small structs in one line. */
import type { DeadKernel, Field, TypeKind, Types } from '../../../capture/autopsy/kernel.ts';
import { attempt } from '../../../capture/errors.ts';
import { placeName } from './words.ts';

const MOST_ELEMENTS = 8;
const MOST_INLINE_MEMBERS = 4;
/** Above it, a word is more likely an address than a count. */
const LIKELY_POINTER = 0xff00000000000000n;

interface Scalar {
  readonly kind: TypeKind;
  readonly isSigned: boolean;
  readonly sizeBytes: number;
  readonly bitOffset?: number;
  readonly bits?: number;
}

/** Of numbers; pointers are hexadecimal. */
export type Radix = 10 | 16;

export class StructValues {
  readonly #kernel: Pick<DeadKernel, 'symbols'>;
  readonly #types: Types;
  readonly #bytes: Uint8Array;

  readonly #radix: Radix;

  /** @param bytes of the structure that the fields' offsets are from. */
  constructor(kernel: Pick<DeadKernel, 'symbols'>, types: Types, bytes: Uint8Array, radix: Radix) {
    this.#kernel = kernel;
    this.#types = types;
    this.#bytes = bytes;
    this.#radix = radix;
  }

  /** @param path of the field, for what it holds. */
  text(field: Field, path: string): string {
    switch (field.kind) {
      case 'struct':
      case 'union':
        return this.#inline(path);
      case 'array':
        return this.#array(field);
      default:
        return this.#scalar(field, field.offsetBytes, field.typeName);
    }
  }

  #scalar(field: Scalar, at: number, enumName?: string): string {
    const raw = this.#raw(field, at);
    if (raw === undefined) return '?';
    if (field.kind === 'pointer') return this.#pointer(raw);
    const bits = field.bits ?? 8 * field.sizeBytes;
    const value = field.isSigned ? BigInt.asIntN(bits, raw) : raw;
    const number = this.#radix === 16 ? `0x${raw.toString(16)}` : value.toString();
    if (field.kind === 'enum') return this.#enumerator(enumName, value) ?? number;
    return !field.isSigned && bits === 64 && raw >= LIKELY_POINTER ? this.#pointer(raw) : number;
  }

  /** Undefined for what has no bytes, or more than a number. */
  #raw({ sizeBytes, bitOffset = 0, bits = 8 * sizeBytes }: Scalar, at: number): bigint | undefined {
    const end = at + Math.ceil((bitOffset + bits) / 8);
    if (bits === 0 || bits > 64 || end > this.#bytes.length) return undefined;
    let value = 0n;
    for (let i = end - 1; i >= at; i--) value = (value << 8n) | BigInt(this.#bytes[i]!);
    return BigInt.asUintN(bits, value >> BigInt(bitOffset));
  }

  #pointer(value: bigint): string {
    const symbol = this.#kernel.symbols.at(value);
    return `0x${value.toString(16)}${symbol ? ` <${placeName(symbol)}>` : ''}`;
  }

  #enumerator(name: string | undefined, value: bigint): string | undefined {
    const all = name === undefined ? undefined : attempt(() => this.#types.enumerators(name));
    return all?.find(one => one.value === value)?.name;
  }

  #array(field: Field): string {
    const {
      offsetBytes,
      elements = 0,
      elementBytes = 0,
      elementKind = 'void',
      elementIsSigned = false,
    } = field;
    if (/^(const )?char \[/.test(field.typeName)) return this.#string(offsetBytes, elements);
    if (elementBytes === 0 || ['struct', 'union', 'array'].includes(elementKind))
      return elements === 0 ? '{}' : '{…}';
    const shown = Array.from({ length: Math.min(elements, MOST_ELEMENTS) }, (_, i) =>
      this.#scalar(
        { kind: elementKind, isSigned: elementIsSigned, sizeBytes: elementBytes },
        offsetBytes + i * elementBytes,
      ),
    );
    return `{${shown.join(', ')}${elements > MOST_ELEMENTS ? ', …' : ''}}`;
  }

  #string(at: number, lengthBytes: number): string {
    const bytes = this.#bytes.subarray(at, at + lengthBytes);
    const end = bytes.indexOf(0);
    return JSON.stringify(Buffer.from(end < 0 ? bytes : bytes.subarray(0, end)).toString('latin1'));
  }

  /** A struct of a few scalars. */
  #inline(path: string): string {
    const members = attempt(() => this.#types.members(path)) ?? [];
    const isSmall =
      members.length > 0 &&
      members.length <= MOST_INLINE_MEMBERS &&
      members.every(({ kind, name }) => name !== '' && !['struct', 'union', 'array'].includes(kind));
    if (!isSmall) {
      const [only] = members;
      return members.length === 1 && only?.kind === 'struct' && only.name !== ''
        ? `{${only.name} = ${this.#inline(`${path}.${only.name}`)}}`
        : '{…}';
    }
    return `{${members.map(member => `${member.name} = ${this.#scalar(member, member.offsetBytes, member.typeName)}`).join(', ')}}`;
  }
}
