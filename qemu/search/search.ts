/** Finds the smallest `crashkernel=` with which captures come home: down until one does not, then up until several in a row do. */
import type { Manifest } from '../../capture/storage/manifest.ts';
import type { Layout } from '../../initrd/layouts.ts';

/** One column of what is searched. */
export interface Cell {
  readonly kernel: string;
  /** Debian's name of it. */
  readonly architecture: string;
  readonly layout: Layout;
  /** How many times as fast as this machine. */
  readonly speed: number;
  /** Whether each reservation was put across a multiple of 128 MiB, or where the kernel found a place. */
  readonly across: boolean;
}

/** One capture. */
export interface Attempt {
  /** Every check held. */
  readonly cameHome: boolean;
  /** Why not: the line of the console that says it. */
  readonly why?: string;
  readonly memory?: Manifest['memory'];
}

export interface Found {
  readonly cell: Cell;
  /** Undefined where no size captured. */
  readonly smallestMib?: number;
  /** How many captures in a row came home with it; 0 where none did. */
  readonly runs: number;
  /** Of the run in which it was least. */
  readonly memory?: Manifest['memory'];
  /** Of a smaller size. */
  readonly why?: string;
}

export interface Steps {
  readonly fromMib: number;
  readonly stepMib: number;
  /** So many captures in a row must come home. */
  readonly runs: number;
}

/** @param capture makes the capture with this number, from 1 on, of this size. */
export async function searchSmallest(
  cell: Cell,
  { fromMib, stepMib, runs }: Steps,
  capture: (cell: Cell, mib: number, run: number) => Promise<Attempt>,
): Promise<Found> {
  const firsts = new Map<number, Attempt>();
  let why: string | undefined;
  let mib = fromMib;
  for (; mib > 0; mib -= stepMib) {
    const first = await capture(cell, mib, 1);
    firsts.set(mib, first);
    why = first.why;
    if (!first.cameHome) break;
  }
  for (mib += stepMib; mib <= fromMib; mib += stepMib) {
    const made = [firsts.get(mib)!];
    while (made.length < runs && made.at(-1)!.cameHome) made.push(await capture(cell, mib, made.length + 1));
    const failed = made.find(({ cameHome }) => !cameHome);
    if (!failed) return { cell, smallestMib: mib, runs, memory: leastOf(made), ...(why && { why }) };
    why = failed.why;
  }
  return { cell, runs: 0, ...(why && { why }) };
}

function leastOf(attempts: readonly Attempt[]): Manifest['memory'] {
  return attempts
    .flatMap(({ memory }) => memory ?? [])
    .reduce<Manifest['memory']>(
      (least, one) => (least && least.lowestAvailableBytes <= one.lowestAvailableBytes ? least : one),
      undefined,
    );
}

/** Of the lines of a console, the one that says why a capture did not come home. */
export function whyNot(lines: readonly string[]): string | undefined {
  const line = lines.find(text => REASONS.test(text));
  return line?.replace(/^\[ *[\d.]+\] /, '').trim();
}

const REASONS =
  /crashkernel reservation failed|kexec refused|Initramfs unpacking failed|Kernel panic - not syncing: (?!sysrq)|NOT (saved|finished)|gave up/;

const MIB = 2 ** 20;
const HEADINGS = [
  'kernel',
  'architecture',
  'layout',
  'speed',
  'reserved',
  'smallest',
  'in a row',
  'lowest available',
  'margin',
  'one step below',
];

/** As Markdown. The margin is what was available of the crash kernel's memory when least was. */
export function searchTable(results: readonly Found[]): string {
  const rows = results.map(({ cell, smallestMib, runs, memory, why }) => [
    cell.kernel,
    cell.architecture,
    cell.layout,
    `${cell.speed}`,
    cell.across ? 'across 128 MiB' : 'anywhere',
    smallestMib === undefined ? 'none' : `${smallestMib}M`,
    `${runs}`,
    memory
      ? `${Math.round(memory.lowestAvailableBytes / MIB)} of ${Math.round(memory.totalBytes / MIB)} MiB`
      : '-',
    memory ? `${Math.round((100 * memory.lowestAvailableBytes) / memory.totalBytes)} %` : '-',
    why ?? '-',
  ]);
  return [HEADINGS, HEADINGS.map(() => '---'), ...rows].map(row => `| ${row.join(' | ')} |`).join('\n');
}
