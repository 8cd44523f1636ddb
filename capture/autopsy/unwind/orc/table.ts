/**
 * The ORC tables of vmlinux and of each module (arch/x86/kernel/unwind_orc.c): sorted addresses, each relative to where it
 * is stored, and beside them the rule for the code from that address on.
 */
import { AutopsyError, attempt } from '../../../errors.ts';
import type { DeadKernel, LoadedModule } from '../../kernel.ts';
import { type ModulePlace, placeFinder } from '../../loaded-modules.ts';
import { remembering } from '../../remember.ts';
import type { Words } from '../words.ts';
import { ORC_ENTRY_BYTES, type OrcEntry, type OrcFormat, orcFormat } from './format.ts';

/** A kernel has a million; more than this is a damaged count. */
const MOST_RULES = 1 << 26;
const ADDRESS_BYTES = 4;
/** Most tasks sleep in the same few functions: a look-up takes twenty reads. */
const MOST_KNOWN = 1 << 12;

export interface OrcTable {
  /** Where the addresses and where the entries begin. */
  readonly addresses: bigint;
  readonly entries: bigint;
  readonly count: number;
}

/** The rule for the code at `address`; undefined before the table's first. @throws KernelError when it cannot be read. */
export function lookUp(
  words: Words,
  format: OrcFormat,
  table: OrcTable,
  address: bigint,
): OrcEntry | undefined {
  // From where the addresses are: as numbers, where each step would make several bigints.
  const distance = Number(address - table.addresses);
  let low = 0;
  let high = table.count;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const at = middle * ADDRESS_BYTES;
    const relative = words.s32(table.addresses + BigInt(at), 'the addresses of the unwinding table');
    if (at + relative <= distance) low = middle + 1;
    else high = middle;
  }
  if (low === 0) return undefined;
  const at = table.entries + BigInt((low - 1) * ORC_ENTRY_BYTES);
  return format.decode(words.view(at, ORC_ENTRY_BYTES, 'the unwinding table'));
}

/** The rules of the whole kernel. A module's table is looked for when an address in it is met. */
export class OrcRules {
  readonly #kernel: DeadKernel;
  readonly #words: Words;
  readonly #format: OrcFormat;
  readonly #vmlinux: OrcTable;
  readonly #placeOf: (address: bigint) => ModulePlace | undefined;
  readonly #modules = new Map<LoadedModule, OrcTable | undefined>();
  /** Undefined where the tables have nothing to say. @throws KernelError when they cannot be read. */
  readonly at = remembering(MOST_KNOWN, (address: bigint) => this.#find(address));

  /** @throws AutopsyError for a kernel without ORC or with an unknown format of it. */
  constructor(kernel: DeadKernel, words: Words) {
    this.#kernel = kernel;
    this.#words = words;
    this.#format = orcFormat(kernel);
    this.#vmlinux = vmlinuxTable(kernel);
    this.#placeOf = placeFinder(kernel.modules);
  }

  #find(address: bigint): OrcEntry | undefined {
    const place = this.#placeOf(address);
    const table = place ? this.#tableOf(place.module) : this.#kernel.symbols.isText(address) && this.#vmlinux;
    return table ? lookUp(this.#words, this.#format, table, address) : undefined;
  }

  #tableOf(module: LoadedModule): OrcTable | undefined {
    if (!this.#modules.has(module))
      this.#modules.set(
        module,
        attempt(() => moduleTable(this.#kernel, module)),
      );
    return this.#modules.get(module);
  }
}

function vmlinuxTable({ symbols }: DeadKernel): OrcTable {
  const [addresses, end, entries] = TABLE_SYMBOLS.map(name => symbols.address(name));
  if (addresses === undefined || end === undefined || entries === undefined) {
    throw new AutopsyError('NO_ORC', {
      action: 'unwind stacks',
      actual: 'the crashed kernel has no ORC tables that can be found',
      wanted: `the symbols ${TABLE_SYMBOLS.join(', ')} of CONFIG_UNWINDER_ORC`,
    });
  }
  return checked({ addresses, entries, count: Number(end - addresses) / ADDRESS_BYTES });
}

const TABLE_SYMBOLS = ['__start_orc_unwind_ip', '__stop_orc_unwind_ip', '__start_orc_unwind'];

function moduleTable({ fields }: DeadKernel, { address }: LoadedModule): OrcTable {
  return checked({
    addresses: fields.pointer(address, 'module.arch.orc_unwind_ip'),
    entries: fields.pointer(address, 'module.arch.orc_unwind'),
    count: fields.number(address, 'module.arch.num_orcs'),
  });
}

function checked(table: OrcTable): OrcTable {
  if (Number.isInteger(table.count) && table.count >= 0 && table.count <= MOST_RULES) return table;
  throw new AutopsyError('ORC_TABLE', {
    action: 'read the unwinding tables',
    actual: `one has ${table.count} entries`,
    wanted: `0 to ${MOST_RULES}`,
  });
}
