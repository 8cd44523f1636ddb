/**
 * What the kernel makes of all `crashkernel=` words of a command line together (kernel/crash_reserve.c, parse_crashkernel; before
 * Linux 6.9 kernel/crash_core.c; Documentation/admin-guide/kdump/kdump.rst). The last word of each suffix counts. A plain
 * word makes `,high` and `,low` void. `,cma` comes on top and never stands alone.
 */
import type { CrashkernelValues } from './words.ts';

/**
 * What a kernel makes of `crashkernel=SIZE,cma`: a plain word that it cannot read (before Linux 6.17), a word without effect
 * (built without CONFIG_CMA, or for an architecture that does not reserve it), or a reservation.
 */
export type CmaSupport = 'unreadable' | 'ignored' | 'reserved';

export interface ReadingFacts {
  /** What the kernel calls system RAM at boot: see `systemRamBytes`. */
  readonly systemRamBytes: number;
  readonly cma: CmaSupport;
}

export type CrashkernelReading =
  | { readonly kind: 'none' }
  /** The kernel reserves nothing. */
  | { readonly kind: 'void'; readonly value: string; readonly why: string }
  | {
      readonly kind: 'reserved';
      /** What the crash kernel boots in. */
      readonly bytes: number;
      /** Below 4 GiB beside a reservation above it; undefined where the kernel chooses. */
      readonly lowBytes?: number;
      /** Shared with user pages until the crash. */
      readonly cmaBytes: number;
    };

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  k: 2 ** 10,
  m: 2 ** 20,
  g: 2 ** 30,
  t: 2 ** 40,
  p: 2 ** 50,
  e: 2 ** 60,
};
/** The kernel rounds system RAM up to this before it matches ranges. */
const RAM_STEP_BYTES = 128 * 2 ** 20;
const SUFFIXES = ['high', 'low', 'cma'] as const;
type Suffix = (typeof SUFFIXES)[number];

export function readCrashkernel(values: CrashkernelValues, facts: ReadingFacts): CrashkernelReading {
  if (values.length === 0) return { kind: 'none' };
  const suffixOf = (value: string): Suffix | undefined =>
    SUFFIXES.find(suffix => value.endsWith(`,${suffix}`) && (suffix !== 'cma' || facts.cma !== 'unreadable'));
  const last = (suffix: Suffix | undefined) => values.filter(value => suffixOf(value) === suffix).at(-1);
  const [plain, high, low, cma] = [last(undefined), last('high'), last('low'), last('cma')];
  const main = plain ?? high;
  if (main === undefined)
    return {
      kind: 'void',
      value: values.at(-1)!,
      why: 'it only adds to a reservation, and there is no other word',
    };
  const bytes = plain === undefined ? suffixedBytes(main, 'high') : plainBytes(plain, facts);
  if (typeof bytes === 'string') return { kind: 'void', value: main, why: bytes };
  if (bytes === 0) return { kind: 'void', value: main, why: 'it reserves nothing on a machine of this size' };
  if (bytes >= facts.systemRamBytes)
    return { kind: 'void', value: main, why: 'it is as large as the memory of this machine' };
  const lowBytes = plain === undefined && low !== undefined ? suffixedBytes(low, 'low') : undefined;
  if (typeof lowBytes === 'string') return { kind: 'void', value: low!, why: lowBytes };
  const cmaBytes = cma === undefined || facts.cma === 'ignored' ? 0 : suffixedBytes(cma, 'cma');
  return {
    kind: 'reserved',
    bytes,
    ...(lowBytes === undefined ? {} : { lowBytes }),
    cmaBytes: typeof cmaBytes === 'string' ? 0 : cmaBytes,
  };
}

/**
 * The words that count, in a fixed order: two command lines with the same ones reserve the same memory, whatever else
 * stands on them.
 */
export function effectiveValues(values: CrashkernelValues): string[] {
  const suffixOf = (value: string) => SUFFIXES.find(suffix => value.endsWith(`,${suffix}`));
  const last = (suffix: Suffix | undefined) => values.filter(value => suffixOf(value) === suffix).slice(-1);
  const plain = last(undefined);
  return plain.length > 0 ? [...plain, ...last('cma')] : [...last('high'), ...last('low'), ...last('cma')];
}

export function haveSameEffect(one: CrashkernelValues, other: CrashkernelValues): boolean {
  return effectiveValues(one).join(' ') === effectiveValues(other).join(' ');
}

/** `SIZE[@OFFSET]` or `RANGE:SIZE[,RANGE:SIZE…][@OFFSET]`. @returns bytes, or why the kernel refuses it. */
function plainBytes(value: string, { systemRamBytes }: ReadingFacts): number | string {
  if (!value.includes(':')) {
    const size = memparse(value);
    if (size.rest === value) return 'it begins with no size';
    return size.rest === '' || size.rest.startsWith('@') ? size.bytes : `the kernel stops at "${size.rest}"`;
  }
  const ram = Math.ceil(systemRamBytes / RAM_STEP_BYTES) * RAM_STEP_BYTES;
  let rest = value;
  for (let entry = 1; ; entry++) {
    const where = `in range ${entry}`;
    const start = memparse(rest);
    if (start.rest === rest || !start.rest.startsWith('-')) return `${where} there is no start`;
    const end = start.rest.startsWith('-:')
      ? { bytes: Number.POSITIVE_INFINITY, rest: start.rest.slice(1) }
      : memparse(start.rest.slice(1));
    if (!end.rest.startsWith(':') || end.bytes <= start.bytes)
      return `${where} there is no end above its start`;
    const size = memparse(end.rest.slice(1));
    if (size.rest === end.rest.slice(1)) return `${where} there is no size`;
    if (size.bytes >= ram) return `${where} the size is as large as the memory of this machine`;
    if (ram >= start.bytes && ram < end.bytes) return size.bytes;
    if (!size.rest.startsWith(',')) return 0;
    rest = size.rest.slice(1);
  }
}

/** `SIZE,SUFFIX`. @returns bytes, or why the kernel refuses it. */
function suffixedBytes(value: string, suffix: Suffix): number | string {
  const size = memparse(value);
  if (size.rest === value) return 'it begins with no size';
  return size.rest === `,${suffix}` ? size.bytes : `the kernel stops at "${size.rest}"`;
}

/** lib/cmdline.c, memparse: decimal, octal or hexadecimal, and a unit of one letter. `rest` is all of it where there is no number. */
function memparse(text: string): { bytes: number; rest: string } {
  const match = /^(0x[0-9a-f]+|0[0-7]*|[1-9]\d*)([kmgtpe]?)/i.exec(text);
  if (!match) return { bytes: 0, rest: text };
  const [all, digits, unit] = match as unknown as [string, string, string];
  const isOctal = /^0[0-7]+$/.test(digits);
  const number = isOctal ? Number.parseInt(digits, 8) : Number(digits);
  return { bytes: number * UNITS[unit.toLowerCase()]!, rest: text.slice(all.length) };
}
