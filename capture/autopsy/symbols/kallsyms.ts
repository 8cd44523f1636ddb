/**
 * The symbols of vmlinux from its own kallsyms. Names stay compressed, as bytes; addresses are computed when they are asked
 * for. (get_symbol_pos() in kernel/kallsyms.c)
 */
import type { Vmcoreinfo } from '../../vmcore/vmcoreinfo.ts';
import { candidates, hashOf } from '../name-index.ts';
import { AddressOrder } from './address-order.ts';
import { type AddressMode, addressAt, chooseMode, EXPORTED, positionOf } from './addresses.ts';
import { CompressedNames } from './compressed-names.ts';
import type { KallsymsTables } from './kallsyms-tables.ts';
import { NameOrder } from './name-order.ts';

const OFFSET_BYTES = 4;

export class Kallsyms {
  /** Fewer than the kernel had when its names or offsets are cut. */
  readonly count: number;
  readonly mode: AddressMode;
  readonly warnings: readonly string[];
  readonly #tables: KallsymsTables;
  readonly #names: CompressedNames;
  /** Undefined where the kernel has none of its own, or it is damaged. */
  #byName: NameOrder | undefined;
  /** In place of it: see candidates(). */
  #prints: Uint16Array | undefined;
  readonly #order: AddressOrder;

  /** @throws AutopsyError KALLSYMS_MODE */
  constructor(tables: KallsymsTables, vmcoreinfo: Vmcoreinfo) {
    const { offsets, names, byName, tokens, count } = tables;
    this.#tables = tables;
    const most = Math.min(count, Math.floor(offsets.length / OFFSET_BYTES));
    const prints = byName ? undefined : new Uint16Array(most);
    this.#names = new CompressedNames(names, tokens, most, prints);
    this.count = this.#names.count;
    this.#prints = prints?.subarray(0, this.count);
    // It has the numbers of all.
    if (byName && this.count === count) this.#byName = new NameOrder(byName, this.#names);
    names.release();
    this.warnings =
      this.count === count ? [] : [`kallsyms has ${count} symbols, of which ${this.count} are usable`];
    const known = new Map<string, { offset: number; number: number }>();
    for (const name of EXPORTED) {
      const number = this.numbers(name).next().value;
      if (number !== undefined) known.set(name, { offset: this.#offset(number), number });
    }
    this.mode = chooseMode(tables, known, vmcoreinfo);
    this.#order = new AddressOrder(this.count, number => this.#position(number));
    offsets.release();
  }

  address(number: number): bigint {
    return addressAt(this.mode, this.#position(number));
  }

  name(number: number): string {
    return this.#names.expanded(number).slice(1);
  }

  type(number: number): string {
    return this.#names.expanded(number).slice(0, 1);
  }

  /** Of the symbols with this name, in the kernel's order. */
  *numbers(name: string): Generator<number> {
    const found = this.#byName?.numbers(name);
    if (found) return yield* found;
    this.#byName = undefined;
    this.#prints ??= this.#names.prints();
    const wanted = Buffer.from(name, 'latin1');
    for (const number of candidates(this.#prints, hashOf(wanted)))
      if (this.#names.compare(number, wanted) === 0) yield number;
  }

  /**
   * The last symbol at or below `address`, and the next address that has one. Of several at an address, the first in the
   * kernel's order, which is the one that the kernel prints.
   */
  at(address: bigint): { number: number; next: bigint | undefined } | undefined {
    const order = this.#order;
    const after = order.firstFrom(positionOf(this.mode, address) + 1);
    if (after === 0) return undefined;
    const found = this.#position(order.at(after - 1));
    return {
      number: order.at(order.firstFrom(found)),
      next: after < this.count ? this.address(order.at(after)) : undefined,
    };
  }

  #position(number: number): number {
    return this.mode.position(this.#offset(number), number);
  }

  /** Signed. */
  #offset(number: number): number {
    return this.#tables.offsets.u32(OFFSET_BYTES * number) | 0;
  }
}
