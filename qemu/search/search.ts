/** Finds the smallest `crashkernel=` with which a capture comes home, going down until one does not. */
import type { Manifest } from '../../capture/storage/manifest.ts';
import type { Layout } from '../../initrd/image.ts';

/** One column of what is searched. */
export interface Cell {
  readonly kernel: string;
  readonly layout: Layout;
  /** How many times as fast as this machine. */
  readonly speed: number;
}

export interface Attempt {
  /** Every check held, in each of the runs. */
  readonly cameHome: boolean;
  /** Why not: the line of the console that says it. */
  readonly why?: string;
  /** Of the run in which it was least. */
  readonly memory?: Manifest['memory'];
}

export interface Found {
  readonly cell: Cell;
  /** Undefined where not even the first size captured. */
  readonly smallestMib?: number;
  readonly memory?: Manifest['memory'];
  /** Of the next smaller size. */
  readonly why?: string;
}

export interface Steps {
  readonly fromMib: number;
  readonly stepMib: number;
}

/** @param attempt captures with this reservation. */
export async function searchSmallest(
  cell: Cell,
  { fromMib, stepMib }: Steps,
  attempt: (cell: Cell, mib: number) => Promise<Attempt>,
): Promise<Found> {
  let found: Found = { cell };
  for (let mib = fromMib; mib > 0; mib -= stepMib) {
    const { cameHome, why, memory } = await attempt(cell, mib);
    if (!cameHome) return { ...found, why };
    found = { cell, smallestMib: mib, memory };
  }
  return found;
}

/** Of the lines of a console, the one that says why a capture did not come home. */
export function whyNot(lines: readonly string[]): string | undefined {
  const line = lines.find(text => REASONS.test(text));
  return line?.replace(/^\[ *[\d.]+\] /, '').trim();
}

const REASONS =
  /kexec refused|Initramfs unpacking failed|deadlocked on memory|Attempted to kill init|NOT (saved|finished)|gave up/;

const MIB = 2 ** 20;
const HEADINGS = ['kernel', 'layout', 'speed', 'smallest', 'available at the lowest', 'one step below'];

/** As Markdown. */
export function searchTable(results: readonly Found[]): string {
  const rows = results.map(({ cell, smallestMib, memory, why }) => [
    cell.kernel,
    cell.layout,
    `${cell.speed}`,
    smallestMib === undefined ? 'none' : `${smallestMib}M`,
    memory
      ? `${Math.round(memory.lowestAvailableBytes / MIB)} of ${Math.round(memory.totalBytes / MIB)} MiB`
      : '-',
    why ?? '-',
  ]);
  return [HEADINGS, HEADINGS.map(() => '---'), ...rows].map(row => `| ${row.join(' | ')} |`).join('\n');
}
