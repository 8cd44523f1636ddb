/**
 * The symbols of a module: its ELF symbol table, which the kernel keeps (struct mod_kallsyms in include/linux/module.h,
 * find_kallsyms_symbol() in kernel/module/kallsyms.c).
 */
import { readHeld } from '../image-scan.ts';
import type { DeadKernel, KernelSymbol, LoadedModule, ModuleRange, SymbolAt } from '../kernel.ts';
import { candidates, hashOf } from '../name-index.ts';

type Readable = Pick<DeadKernel, 'memory' | 'fields'>;

/** Elf64_Sym */
const SYM_BYTES = 24;
const ST_SHNDX = 6;
const ST_VALUE = 8;
const SHN_UNDEF = 0;
/** amdgpu has some 30,000. */
const MOST_SYMBOLS = 1 << 18;
const MOST_STRING_BYTES = 8 << 20;
const LONGEST_NAME = 512;
/** Marks of the assembler and labels (is_mapping_symbol()). */
const NO_SYMBOL = /^(\$|\.L|L0)/;

/** Of the defined symbols, in the order of the table. */
interface Names {
  readonly numbers: Uint32Array;
  /** See candidates(). */
  readonly prints: Uint16Array;
}

export class ModuleSymbols {
  readonly module: LoadedModule;
  /** What its tables take. */
  readonly sizeBytes: number;
  readonly #symtab: DataView;
  readonly #strings: Uint8Array;
  readonly #types: Uint8Array;
  /** Numbers of the defined symbols by ascending address, those of one address in the order of the table. */
  readonly #order: Uint32Array;
  /** Made when the first name is looked for. */
  #names: Names | undefined;

  /** @throws AutopsyError, KernelError when the module has no symbol table or the dump does not hold it. */
  constructor({ memory, fields }: Readable, module: LoadedModule) {
    this.module = module;
    const kallsyms = memory.pointer(fields.address(module.address, 'module.kallsyms'), 'module.kallsyms');
    const count = Math.min(fields.number(kallsyms, 'mod_kallsyms.num_symtab'), MOST_SYMBOLS);
    const symtab = readHeld(memory, fields.pointer(kallsyms, 'mod_kallsyms.symtab'), count * SYM_BYTES);
    const strings = fields.pointer(kallsyms, 'mod_kallsyms.strtab');
    this.#symtab = new DataView(symtab.buffer, symtab.byteOffset, symtab.byteLength);
    this.#strings = readHeld(memory, strings, bytesFrom(module, strings));
    this.#types = readHeld(memory, fields.pointer(kallsyms, 'mod_kallsyms.typetab'), count);
    this.sizeBytes = symtab.length + this.#strings.length + this.#types.length;
    const defined: number[] = [];
    for (let number = 1; (number + 1) * SYM_BYTES <= symtab.length; number++)
      if (this.#isDefined(number)) defined.push(number);
    const values = new Map(defined.map(number => [number, this.#value(number)]));
    defined.sort((a, b) => {
      const apart = values.get(a)! - values.get(b)!;
      return apart < 0n ? -1 : apart > 0n ? 1 : a - b;
    });
    this.#order = Uint32Array.from(defined);
  }

  /** In the order of the table. */
  all(name: string): KernelSymbol[] {
    this.#names ??= this.#indexNames();
    const { numbers, prints } = this.#names;
    const found = [...candidates(prints, hashOf(Buffer.from(name, 'latin1')))];
    return found.map(i => this.#symbol(numbers[i]!)).filter(symbol => symbol.name === name);
  }

  /** @param range of the module that holds `address`. */
  at(address: bigint, range: ModuleRange): SymbolAt | undefined {
    const after = this.#firstFrom(address + 1n);
    if (after === 0) return undefined;
    const value = this.#value(this.#order[after - 1]!);
    if (value < range.start) return undefined;
    const number = this.#order[this.#firstFrom(value)]!;
    const end = range.start + BigInt(range.sizeBytes);
    const next = after < this.#order.length ? this.#value(this.#order[after]!) : end;
    // Up to the next symbol, as the kernel's log counts it, and not st_size: `do_work+0x105/0x110`.
    const sizeBytes = Number((next < end ? next : end) - value);
    return { ...this.#symbol(number), offset: Number(address - value), sizeBytes };
  }

  #symbol(number: number): KernelSymbol {
    return {
      name: this.#name(number),
      address: this.#value(number),
      type: String.fromCharCode(this.#types[number] || 0x3f),
      module: this.module.name,
    };
  }

  /** How many symbols have a lower address. */
  #firstFrom(address: bigint): number {
    let low = 0;
    let high = this.#order.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#value(this.#order[middle]!) < address) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #indexNames(): Names {
    const numbers = this.#order.toSorted();
    return { numbers, prints: Uint16Array.from(numbers, number => hashOf(this.#nameBytes(number))) };
  }

  #isDefined(number: number): boolean {
    if (this.#symtab.getUint16(number * SYM_BYTES + ST_SHNDX, true) === SHN_UNDEF) return false;
    const name = this.#name(number);
    return name !== '' && !NO_SYMBOL.test(name);
  }

  #value(number: number): bigint {
    return this.#symtab.getBigUint64(number * SYM_BYTES + ST_VALUE, true);
  }

  #name(number: number): string {
    return Buffer.from(this.#nameBytes(number)).toString('latin1');
  }

  #nameBytes(number: number): Uint8Array {
    const start = this.#symtab.getUint32(number * SYM_BYTES, true);
    const bytes = this.#strings.subarray(start, start + LONGEST_NAME);
    const end = bytes.indexOf(0);
    return end < 0 ? bytes : bytes.subarray(0, end);
  }
}

/** Up to the end of the module's memory: the kernel does not keep the length of the names. */
function bytesFrom({ ranges }: LoadedModule, address: bigint): number {
  for (const { start, sizeBytes } of ranges) {
    const end = start + BigInt(sizeBytes);
    if (address >= start && address < end) return Math.min(Number(end - address), MOST_STRING_BYTES);
  }
  return 0;
}
