/** The machine of a search: the lab's, without what the search itself varies. */
import { badValue, type Given } from '../../scripts/lib/cli/command.ts';
import { GEOMETRIES } from '../geometry/all.ts';
import { defaultsOf, MACHINE_OPTIONS } from '../lab/options.ts';

const { kernel: _, crashkernel: __, ...options } = MACHINE_OPTIONS;
export const MACHINE = options;

/** Neither of these changes a capture, and every capture has its architecture by itself. */
const NO_MATTER: readonly string[] = ['arch', 'deadline', 'console', 'keep-disk'];

/** @throws UsageError for a geometry that has a reservation of its own: every size of the search would be that one. */
export function checkSearchable({ geometry }: Pick<Given<typeof MACHINE>, 'geometry'>): void {
  const hasReservation = ({ crashkernel }: (typeof GEOMETRIES)[number]) => crashkernel !== undefined;
  if (!GEOMETRIES.some(one => one.name === geometry && hasReservation(one))) return;
  const others = GEOMETRIES.filter(one => !hasReservation(one)).map(({ name }) => name);
  throw badValue('geometry', geometry, `one without a reservation of its own: ${others.join(', ')}`);
}

/** The options that are not the usual ones, in the order of --help: `--memory 4096`. Empty where all are. */
export function unusualMachine(given: Given<typeof MACHINE>): string {
  const usual: Readonly<Record<string, unknown>> = defaultsOf(MACHINE);
  return Object.keys(MACHINE)
    .filter(name => !NO_MATTER.includes(name))
    .map(name => [name, given[name as keyof typeof MACHINE]] as const)
    .filter(([name, value]) => value !== undefined && String(value) !== String(usual[name]))
    .flatMap(([name, value]) => [value].flat().map(one => (one === true ? `--${name}` : `--${name} ${one}`)))
    .join(' ');
}
