/** Reads members of the crashed kernel's structures where its types say they are. */
import { AutopsyError, KernelError } from '../errors.ts';
import type { KernelMemory } from '../kernel/memory.ts';
import type { Field, Fields, TypeKind, Types } from './kernel.ts';

const NUMBERS: readonly TypeKind[] = ['integer', 'enum', 'pointer'];
/** A bit field may begin in the last bit of a byte and so touch nine. */
const MOST_BYTES = 9;

/** What is known of a member once it was asked for. */
interface Place {
  readonly field: Field;
  readonly offset: bigint;
  /** Of one that is a whole number of at most 4 bytes: reads it unsigned. Of such a one no bigint is made. */
  readonly small: ((memory: KernelMemory, address: bigint, what: string) => number) | undefined;
}

/** By size. */
const SMALL: Readonly<Record<number, Place['small']>> = {
  1: (memory, address, what) => memory.u8(address, what),
  2: (memory, address, what) => memory.u16(address, what),
  4: (memory, address, what) => memory.u32(address, what),
};

export class FieldReader implements Fields {
  readonly #memory: KernelMemory;
  readonly #types: Types;
  /** Paths are words of our own sources, so there are only so many. */
  readonly #places = new Map<string, Place>();
  readonly #bytes = new Uint8Array(MOST_BYTES);

  constructor(memory: KernelMemory, types: Types) {
    this.#memory = memory;
    this.#types = types;
  }

  address(base: bigint, path: string): bigint {
    return BigInt.asUintN(64, base + this.#place(path).offset);
  }

  integer(base: bigint, path: string): bigint {
    const { field, offset, small } = this.#place(path);
    const address = BigInt.asUintN(64, base + offset);
    if (small) return BigInt(signed(small(this.#memory, address, path), field));
    const { sizeBytes, bits, isSigned } = field;
    const isWord = sizeBytes === 8 && bits === undefined && NUMBERS.includes(field.kind);
    if (!isWord) return this.#bitField(address, path, field);
    const value = this.#memory.u64(address, path);
    return isSigned ? BigInt.asIntN(64, value) : value;
  }

  number(base: bigint, path: string): number {
    const { field, offset, small } = this.#place(path);
    if (small) return signed(small(this.#memory, BigInt.asUintN(64, base + offset), path), field);
    const value = this.integer(base, path);
    const number = Number(value);
    if (Number.isSafeInteger(number)) return number;
    throw new KernelError(
      'KERNEL_NUMBER',
      { action: `read ${path}`, actual: `it is ${value}`, wanted: 'a number below 2^53' },
      { address: base },
    );
  }

  pointer(base: bigint, path: string): bigint {
    const value = this.integer(base, path);
    return value < 0n ? BigInt.asUintN(64, value) : value;
  }

  text(base: bigint, path: string): string {
    const { sizeBytes, kind, typeName } = this.#place(path).field;
    if (kind === 'array') return this.#memory.cstring(this.address(base, path), sizeBytes, path);
    throw new AutopsyError('NOT_TEXT', {
      action: `read ${path} as text`,
      actual: `its type is ${typeName}`,
      wanted: 'an array of char',
    });
  }

  /** A number of any width, at any bit. */
  #bitField(address: bigint, path: string, field: Field): bigint {
    const { kind, typeName, sizeBytes, bitOffset = 0, bits = 8 * sizeBytes, isSigned } = field;
    if (!NUMBERS.includes(kind) || sizeBytes > 8) {
      throw new AutopsyError('NOT_A_NUMBER', {
        action: `read ${path} as a number`,
        actual: `its type is ${typeName}`,
        wanted: 'an integer, an enum or a pointer',
      });
    }
    const bytes = this.#bytes.subarray(0, Math.ceil((bitOffset + bits) / 8));
    this.#memory.readVirtualInto(address, bytes, path);
    let value = 0n;
    for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
    value >>= BigInt(bitOffset);
    return isSigned ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value);
  }

  #place(path: string): Place {
    const known = this.#places.get(path);
    if (known) return known;
    const field = this.#types.field(path);
    const isWhole = NUMBERS.includes(field.kind) && field.bits === undefined;
    const place = {
      field,
      offset: BigInt(field.offsetBytes),
      small: isWhole ? SMALL[field.sizeBytes] : undefined,
    };
    this.#places.set(path, place);
    return place;
  }
}

/** @param value of at most 4 bytes, unsigned. */
function signed(value: number, { isSigned, sizeBytes }: Field): number {
  const above = 32 - 8 * sizeBytes;
  return isSigned ? (value << above) >> above : value;
}
