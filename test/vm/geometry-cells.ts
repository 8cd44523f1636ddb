/** Which memory geometry is tried on which kernel: a few by default, all with `npm test -- --full`. */
import type { KernelChoice } from '../../build/fetch/kernel-origins.ts';
import { GEOMETRIES } from '../../qemu/geometry/all.ts';
import { FULL_LAB_VARIABLE } from './full-lab.ts';

export interface Cell {
  readonly geometry: string;
  readonly kernel: KernelChoice;
}

const CLOUD: readonly KernelChoice[] = (['6.1', '6.12', '7.x'] as const).map(series => ({
  series,
  flavour: 'cloud',
}));
/** Where mmap of /proc/vmcore once hung. The cloud kernel 7.2 with the same memory map did not hang. */
const HUNG: Cell = { geometry: 'reserved-top', kernel: { series: '7.x', flavour: 'generic' } };
const SMOKE: readonly Cell[] = [{ geometry: 'poisoned', kernel: { series: '6.12', flavour: 'cloud' } }, HUNG];
/** Debian's cloud kernel 6.1 has no CONFIG_MEMORY_FAILURE: it cannot poison a page. */
const CANNOT: readonly { readonly geometry: string; readonly kernel: KernelChoice }[] = [
  { geometry: 'poisoned', kernel: { series: '6.1', flavour: 'cloud' } },
];
const GENERIC: readonly Cell[] = [
  { geometry: 'poisoned', kernel: { series: '6.1', flavour: 'generic' } },
  HUNG,
];

export function cellsFor(env: NodeJS.ProcessEnv): readonly Cell[] {
  return env[FULL_LAB_VARIABLE] ? allCells() : SMOKE;
}

function allCells(): Cell[] {
  const cells = CLOUD.flatMap(kernel => GEOMETRIES.map(({ name }) => ({ geometry: name, kernel })));
  const isPossible = ({ geometry, kernel }: Cell) =>
    !CANNOT.some(one => one.geometry === geometry && isSame(one.kernel, kernel));
  return [...cells.filter(isPossible), ...GENERIC];
}

function isSame(a: KernelChoice, b: KernelChoice): boolean {
  return a.series === b.series && a.flavour === b.flavour;
}
