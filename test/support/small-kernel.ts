/**
 * A crashed kernel of a few structures for unit tests: the test says where their members are, fills them, and takes away
 * members, symbols or pages. The addresses of memory are what they are; only pages that were written exist.
 */
import { FieldReader } from '../../capture/autopsy/fields.ts';
import type { DeadKernel, Field, LoadedModule, SymbolAt, Types } from '../../capture/autopsy/kernel.ts';
import { AutopsyError } from '../../capture/errors.ts';
import { KernelMemory } from '../../capture/kernel/memory.ts';
import type { Vmcore } from '../../capture/vmcore/open.ts';
import { Vmcoreinfo } from '../../capture/vmcore/vmcoreinfo.ts';

/** Offset and size in bytes; of an array, the size of an element and their number. */
export type MemberSpec =
  | readonly [offset: number, bytes: number]
  | readonly [offset: number, elementBytes: number, elements: number];

export interface SmallLayout {
  /** By path: `zone.free_area`. */
  readonly members: Readonly<Record<string, MemberSpec>>;
  readonly sizes?: Readonly<Record<string, number>>;
  readonly enums?: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

const PAGE_BYTES = 4096;
const FUNCTION_BYTES = 0x100n;

export class SmallKernel {
  readonly #members: Map<string, MemberSpec>;
  readonly #sizes: Map<string, number>;
  readonly #enums: Map<string, Readonly<Record<string, number>>>;
  readonly #symbols = new Map<string, bigint>();
  readonly #pages = new Map<bigint, Uint8Array>();
  readonly #functions: { readonly name: string; readonly address: bigint }[] = [];
  readonly #modules: LoadedModule[] = [];
  /** Reads of memory that were asked for: a walk that does not end shows in it. */
  reads = 0;
  vmcoreinfo = '';
  /** Of members, where it matters what they are. */
  readonly typeNames = new Map<string, string>();

  constructor({ members, sizes = {}, enums = {} }: SmallLayout) {
    this.#members = new Map(Object.entries(members));
    this.#sizes = new Map(Object.entries(sizes));
    this.#enums = new Map(Object.entries(enums));
  }

  symbol(name: string, address: bigint): void {
    this.#symbols.set(name, address);
  }

  /** Code of FUNCTION_BYTES. */
  function(name: string, address: bigint): void {
    this.#functions.push({ name, address });
  }

  module(module: LoadedModule): void {
    this.#modules.push(module);
  }

  /** @param value of a member, as wide as the layout says. */
  set(base: bigint, path: string, value: bigint | number): void {
    const [offset, bytes] = this.#members.get(path)!;
    this.number(base + BigInt(offset), bytes, value);
  }

  number(address: bigint, bytes: number, value: bigint | number): void {
    const encoded = new Uint8Array(8);
    new DataView(encoded.buffer).setBigInt64(0, BigInt.asIntN(64, BigInt(value)), true);
    this.#write(address, encoded.subarray(0, bytes));
  }

  text(address: bigint, text: string): void {
    this.#write(address, Buffer.from(`${text}\0`));
  }

  /** Links entries, by a list_head in each, behind a head. */
  list(head: bigint, member: string, entries: readonly bigint[]): void {
    const nodes = entries.map(entry => entry + BigInt(this.#members.get(member)![0]));
    const ring = [head, ...nodes];
    ring.forEach((node, i) => {
      this.number(node, 8, ring[(i + 1) % ring.length]!);
      this.number(node + 8n, 8, ring[(i + ring.length - 1) % ring.length]!);
    });
  }

  loseMember(path: string): void {
    this.#members.delete(path);
  }

  renameMember(path: string, newPath: string): void {
    this.#members.set(newPath, this.#members.get(path)!);
    this.#members.delete(path);
  }

  loseSymbol(name: string): void {
    this.#symbols.delete(name);
  }

  /** Takes the page out of the dump. */
  losePage(address: bigint): void {
    this.#pages.delete(address / BigInt(PAGE_BYTES));
  }

  get members(): string[] {
    return [...this.#members.keys()];
  }

  get symbols(): string[] {
    return [...this.#symbols.keys()];
  }

  /** The addresses of its pages. */
  get pages(): bigint[] {
    return [...this.#pages.keys()].map(page => page * BigInt(PAGE_BYTES));
  }

  open(): DeadKernel {
    const memory = this.#memory();
    const types = this.#types();
    const address = (name: string) => this.#symbols.get(name);
    const require = (name: string) => {
      const found = address(name);
      if (found !== undefined) return found;
      throw new AutopsyError('NO_SYMBOL', { action: `find the symbol ${name}`, actual: 'there is none' });
    };
    return {
      vmcore: {} as Vmcore,
      vmcoreinfo: Vmcoreinfo.decode(Buffer.from(this.vmcoreinfo)),
      memory,
      symbols: {
        address,
        require,
        all: () => [],
        at: place => this.#functionAt(place),
        isText: place => this.#functionAt(place) !== undefined,
      },
      types,
      fields: new FieldReader(memory, types),
      perCpu: {
        possible: [0, 1],
        present: [0, 1],
        online: [0, 1],
        address: (variable, cpu) =>
          (typeof variable === 'string' ? require(variable) : variable) + BigInt(cpu * PAGE_BYTES),
      },
      modules: this.#modules,
      moduleTypes: () => types,
      missing: [],
    };
  }

  #functionAt(place: bigint): SymbolAt | undefined {
    const found = this.#functions.find(({ address }) => place >= address && place < address + FUNCTION_BYTES);
    return found && { ...found, type: 't', offset: Number(place - found.address) };
  }

  #memory(): KernelMemory {
    const arch = {
      name: 'x86_64',
      pageShift: 12,
      pageSizeBytes: PAGE_BYTES,
      largeLeafBytes: 2 << 20,
      pointers: { lowestHigh: 0, imageHigh: 0 },
      stackBytes: 4 * PAGE_BYTES,
      walk: () => undefined,
      translate: (vaddr: bigint) => {
        this.reads++;
        const within = Number(vaddr % BigInt(PAGE_BYTES));
        return this.#pages.has(vaddr / BigInt(PAGE_BYTES))
          ? { paddr: Number(vaddr), lengthBytes: PAGE_BYTES - within }
          : undefined;
      },
    };
    return new KernelMemory(arch, (paddr, into) => {
      const page = this.#pages.get(BigInt(Math.floor(paddr / PAGE_BYTES)));
      if (!page) return 0;
      into.set(page.subarray(paddr % PAGE_BYTES, (paddr % PAGE_BYTES) + into.length));
      return into.length;
    });
  }

  #types(): Types {
    const lost = (what: string) =>
      new AutopsyError('NO_MEMBER', { action: `find ${what}`, actual: 'this kernel does not have it' });
    const field = (path: string): Field => {
      const spec = this.#members.get(path);
      if (!spec) throw lost(path);
      const [offsetBytes, bytes, elements] = spec;
      return {
        name: path.split('.').at(-1)!,
        offsetBytes,
        sizeBytes: bytes * (elements ?? 1),
        kind: elements === undefined ? 'integer' : 'array',
        isSigned: path.endsWith('.counter') || path === 'percpu_counter.count',
        typeName: this.typeNames.get(path) ?? 'test',
        declaration: path,
        ...(elements !== undefined && { elements, elementBytes: bytes }),
      } as Field;
    };
    return {
      field,
      offset: path => field(path).offsetBytes,
      has: name => this.#members.has(name) || this.#sizes.has(name),
      size: name => {
        const size = this.#sizes.get(name);
        if (size === undefined) throw lost(name);
        return size;
      },
      enumValue: name => {
        const found = [...this.#enums.values()].find(values => Object.hasOwn(values, name));
        if (!found) throw lost(name);
        return found[name]!;
      },
      enumerators: enumName => {
        const values = this.#enums.get(enumName);
        if (!values) throw lost(enumName);
        return Object.entries(values).map(([name, value]) => ({ name, value: BigInt(value) }));
      },
      members: () => [],
    };
  }

  #write(address: bigint, bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) {
      const at = address + BigInt(i);
      this.#page(at / BigInt(PAGE_BYTES))[Number(at % BigInt(PAGE_BYTES))] = bytes[i]!;
    }
  }

  #page(number: bigint): Uint8Array {
    const page = this.#pages.get(number) ?? new Uint8Array(PAGE_BYTES);
    this.#pages.set(number, page);
    return page;
  }
}
