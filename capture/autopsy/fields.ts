/** Reads members of the crashed kernel's structures where its types say they are. */
import { AutopsyError, KernelError } from '../errors.ts';
import type { KernelMemory } from '../kernel/memory.ts';
import type { Field, Fields, TypeKind, Types } from './kernel.ts';

const NUMBERS: readonly TypeKind[] = ['integer', 'enum', 'pointer'];
/** A bit field may begin in the last bit of a byte and so touch nine. */
const MOST_BYTES = 9;

export class FieldReader implements Fields {
  readonly #memory: KernelMemory;
  readonly #types: Types;
  /** Paths are words of our own sources, so there are only so many. */
  readonly #found = new Map<string, Field>();
  readonly #bytes = new Uint8Array(MOST_BYTES);

  constructor(memory: KernelMemory, types: Types) {
    this.#memory = memory;
    this.#types = types;
  }

  address(base: bigint, path: string): bigint {
    return BigInt.asUintN(64, base + BigInt(this.#field(path).offsetBytes));
  }

  integer(base: bigint, path: string): bigint {
    const field = this.#field(path);
    if (!NUMBERS.includes(field.kind) || field.sizeBytes > 8) {
      throw new AutopsyError('NOT_A_NUMBER', {
        action: `read ${path} as a number`,
        actual: `its type is ${field.typeName}`,
        wanted: 'an integer, an enum or a pointer',
      });
    }
    const { sizeBytes, bitOffset = 0, bits = 8 * sizeBytes, isSigned } = field;
    const bytes = this.#bytes.subarray(0, Math.ceil((bitOffset + bits) / 8));
    this.#memory.readVirtualInto(this.address(base, path), bytes, path);
    let value = 0n;
    for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i]!);
    value >>= BigInt(bitOffset);
    return isSigned ? BigInt.asIntN(bits, value) : BigInt.asUintN(bits, value);
  }

  number(base: bigint, path: string): number {
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
    return BigInt.asUintN(64, this.integer(base, path));
  }

  text(base: bigint, path: string): string {
    const { sizeBytes, kind, typeName } = this.#field(path);
    if (kind === 'array') return this.#memory.cstring(this.address(base, path), sizeBytes, path);
    throw new AutopsyError('NOT_TEXT', {
      action: `read ${path} as text`,
      actual: `its type is ${typeName}`,
      wanted: 'an array of char',
    });
  }

  #field(path: string): Field {
    let field = this.#found.get(path);
    if (!field) {
      field = this.#types.field(path);
      this.#found.set(path, field);
    }
    return field;
  }
}
