/**
 * vmcoreinfo: the crashed kernel's description of its own symbols and layouts. Lines of `KEY=value`, written by
 * kernel/vmcore_info.c (kernel/crash_core.c before v6.9) and each architecture's arch_crash_save_vmcoreinfo().
 * SYMBOL is hex, KERNELOFFSET hex, SIZE/OFFSET/LENGTH decimal, NUMBER `%ld` or (arm64) `0x%lx`.
 */
import { KernelError } from '../errors.ts';

/** Far more than any structure in vmcoreinfo. A line with a larger SIZE or OFFSET is damaged. */
const MAX_LAYOUT_BYTES = 2 ** 31;

export class Vmcoreinfo {
  readonly warnings: readonly string[];
  readonly #values: ReadonlyMap<string, string>;

  private constructor(values: ReadonlyMap<string, string>, warnings: readonly string[]) {
    this.#values = values;
    this.warnings = warnings;
  }

  static decode(bytes: Uint8Array): Vmcoreinfo {
    const nul = bytes.indexOf(0);
    const used = nul < 0 ? bytes : bytes.subarray(0, nul);
    const lines = Buffer.from(used.buffer, used.byteOffset, used.byteLength).toString('latin1').split('\n');
    // The kernel ends each line with \n. A last line without one is truncated, and half a number is a wrong number.
    const cut = lines.pop() ?? '';
    const warnings =
      cut === '' ? [] : [`the last line of vmcoreinfo is truncated and ignored: ${cut.slice(0, 60)}`];
    const values = new Map<string, string>();
    for (const line of lines) {
      const equals = line.indexOf('=');
      if (equals > 0 && !values.has(line.slice(0, equals))) {
        values.set(line.slice(0, equals), line.slice(equals + 1));
      }
    }
    return new Vmcoreinfo(values, warnings);
  }

  /** The raw value of any key, e.g. `value('OSRELEASE')`. */
  value(key: string): string | undefined {
    return this.#values.get(key);
  }

  keys(): IterableIterator<string> {
    return this.#values.keys();
  }

  get osrelease(): string | undefined {
    return this.value('OSRELEASE');
  }

  get buildId(): string | undefined {
    return this.value('BUILD-ID');
  }

  /** A power of two from 4 KiB to 64 KiB, or undefined. */
  get pageSize(): number | undefined {
    const bytes = parseCount(this.value('PAGESIZE'));
    return bytes !== undefined && [4096, 16384, 65536].includes(bytes) ? bytes : undefined;
  }

  /** How far KASLR moved the kernel: 0 without KASLR, undefined when vmcoreinfo does not have it. */
  get kernelOffset(): bigint | undefined {
    return parseHex(this.value('KERNELOFFSET'));
  }

  /** Seconds since 1970, by the crashed machine's clock. */
  get crashTimeSeconds(): number | undefined {
    return parseCount(this.value('CRASHTIME'));
  }

  symbol(name: string): bigint | undefined {
    return parseHex(this.value(`SYMBOL(${name})`));
  }

  /** At least 1; a line with a size of 0 is damaged. */
  size(name: string): number | undefined {
    const bytes = parseLayout(this.value(`SIZE(${name})`));
    return bytes === 0 ? undefined : bytes;
  }

  /** `offset('page.flags')` */
  offset(member: string): number | undefined {
    return parseLayout(this.value(`OFFSET(${member})`));
  }

  length(name: string): number | undefined {
    return parseLayout(this.value(`LENGTH(${name})`));
  }

  /** Undefined, too, when a number cannot hold it exactly; see `bigNumber`. */
  number(name: string): number | undefined {
    const value = Number(this.bigNumber(name) ?? Number.NaN);
    return Number.isSafeInteger(value) ? value : undefined;
  }

  /** For numbers that are addresses or masks (arm64's kimage_voffset). */
  bigNumber(name: string): bigint | undefined {
    return parseInteger(this.value(`NUMBER(${name})`));
  }

  numberOr(name: string, fallback: number): number {
    return this.number(name) ?? fallback;
  }

  /** `config('X86_5LEVEL')`: "y", or the value. */
  config(name: string): string | undefined {
    return this.value(`CONFIG_${name}`);
  }

  requireSymbol(name: string, action: string): bigint {
    return this.symbol(name) ?? this.#missing(`SYMBOL(${name})`, 'a hexadecimal address', action);
  }

  requireSize(name: string, action: string): number {
    return this.size(name) ?? this.#missing(`SIZE(${name})`, 'a decimal size above 0', action);
  }

  requireOffset(member: string, action: string): number {
    return this.offset(member) ?? this.#missing(`OFFSET(${member})`, 'a decimal offset', action);
  }

  requireNumber(name: string, action: string): number {
    return this.number(name) ?? this.#missing(`NUMBER(${name})`, 'an integer', action);
  }

  requireLength(name: string, action: string): number {
    return this.length(name) ?? this.#missing(`LENGTH(${name})`, 'a decimal count', action);
  }

  #missing(key: string, wanted: string, action: string): never {
    const value = this.value(key);
    const actual =
      value === undefined ? `vmcoreinfo has no ${key}` : `vmcoreinfo has ${key}=${value.slice(0, 40)}`;
    throw new KernelError('VMCOREINFO_KEY', { action, actual, wanted: `${wanted}` }, { key });
  }
}

function parseHex(text: string | undefined): bigint | undefined {
  return text !== undefined && /^(0x)?[0-9a-f]{1,16}$/i.test(text)
    ? BigInt(text.startsWith('0x') ? text : `0x${text}`)
    : undefined;
}

function parseInteger(text: string | undefined): bigint | undefined {
  if (text === undefined) return undefined;
  if (/^0x[0-9a-f]{1,16}$/i.test(text)) return BigInt(text);
  return /^-?[0-9]{1,20}$/.test(text) ? BigInt(text) : undefined;
}

function parseCount(text: string | undefined): number | undefined {
  const value = Number(parseInteger(text) ?? Number.NaN);
  return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

function parseLayout(text: string | undefined): number | undefined {
  const value = parseCount(text);
  return value !== undefined && value < MAX_LAYOUT_BYTES ? value : undefined;
}
