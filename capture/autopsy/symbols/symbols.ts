/** All symbols of a crashed kernel: those of vmlinux and of its modules, whose tables are read when one is asked for. */
import { AutopsyError } from '../../errors.ts';
import type { DeadKernel, KernelSymbol, LoadedModule, SymbolAt, Symbols } from '../kernel.ts';
import { type ModulePlace, placeFinder } from '../loaded-modules.ts';
import type { ImageSymbols } from './image-symbols.ts';
import { ModuleSymbols } from './module-symbols.ts';

/** Of all modules together. Real ones have some 20 MiB; damaged ones must not exhaust memory. */
const MOST_TABLE_BYTES = 96 << 20;

type Readable = Pick<DeadKernel, 'memory' | 'fields'>;

export class KernelSymbols implements Symbols {
  readonly #image: ImageSymbols;
  readonly #kernel: Readable;
  readonly #modules: readonly LoadedModule[];
  readonly #placeOf: (address: bigint) => ModulePlace | undefined;
  readonly #onError: (module: LoadedModule, error: unknown) => void;
  /** Undefined for a module whose table cannot be read. */
  readonly #tables = new Map<LoadedModule, ModuleSymbols | undefined>();
  #tableBytes = 0;
  /** The names are words of our own sources, or of a command: there are only so many. */
  readonly #known = new Map<string, bigint | undefined>();

  constructor(
    image: ImageSymbols,
    kernel: Readable,
    modules: readonly LoadedModule[],
    onError: (module: LoadedModule, error: unknown) => void,
  ) {
    this.#image = image;
    this.#kernel = kernel;
    this.#modules = modules;
    this.#placeOf = placeFinder(modules);
    this.#onError = onError;
  }

  address(name: string): bigint | undefined {
    if (!this.#known.has(name)) this.#known.set(name, this.#find(name));
    return this.#known.get(name);
  }

  #find(name: string): bigint | undefined {
    const [own] = this.#image.all(name);
    if (own) return own.address;
    for (const module of this.#modules) {
      const [found] = this.#tableOf(module)?.all(name) ?? [];
      if (found) return found.address;
    }
    return undefined;
  }

  require(name: string): bigint {
    const address = this.address(name);
    if (address !== undefined) return address;
    throw new AutopsyError('NO_SYMBOL', {
      action: `find the symbol ${name}`,
      actual: 'the crashed kernel and its modules do not have it',
      wanted: 'a symbol of kallsyms',
    });
  }

  all(name: string): KernelSymbol[] {
    return [
      ...this.#image.all(name),
      ...this.#modules.flatMap(module => this.#tableOf(module)?.all(name) ?? []),
    ];
  }

  at(address: bigint): SymbolAt | undefined {
    const inImage = this.#image.at(address);
    if (inImage) return inImage;
    const place = this.#placeOf(address);
    return place && this.#tableOf(place.module)?.at(address, place.range);
  }

  isText(address: bigint): boolean {
    if (this.#image.isText(address)) return true;
    return this.#placeOf(address)?.range.kind.endsWith('text') ?? false;
  }

  #tableOf(module: LoadedModule): ModuleSymbols | undefined {
    if (!this.#tables.has(module)) {
      this.#tables.set(module, undefined);
      try {
        const table = this.#read(module);
        this.#tableBytes += table.sizeBytes;
        this.#tables.set(module, table);
      } catch (error) {
        this.#onError(module, error);
      }
    }
    return this.#tables.get(module);
  }

  #read(module: LoadedModule): ModuleSymbols {
    if (this.#tableBytes < MOST_TABLE_BYTES) return new ModuleSymbols(this.#kernel, module);
    throw new AutopsyError('MODULE_SYMBOLS', {
      action: `read the symbols of the module ${module.name}`,
      actual: `those of other modules have ${this.#tableBytes} bytes`,
      wanted: `${MOST_TABLE_BYTES} at most`,
    });
  }
}
