/** The newest verdict of each crash, by axis and kernel. */
import { SOUND } from '../faults/sound.ts';
import { DEFAULT_MACHINE } from '../lab/options.ts';
import type { Run } from './runs.ts';

const NAMED = ['trigger', 'fault', 'geometry'] as const;
/** `machine`: all other options. */
const AXES = [...NAMED, 'machine', 'several axes'] as const;
type Axis = (typeof AXES)[number];

const USUAL = {
  trigger: DEFAULT_MACHINE.trigger.name,
  fault: SOUND.name,
  geometry: DEFAULT_MACHINE.geometry.name,
};

export interface Grid {
  readonly title: string;
  /** Releases, sorted. */
  readonly kernels: readonly string[];
  readonly rows: readonly GridRow[];
}

export interface GridRow {
  readonly value: string;
  /** One for each kernel. */
  readonly runs: readonly (Run | undefined)[];
}

/** A run stands in the grid of the one axis on which it is unusual; in the last grid where there are several. */
export function gridsOf(runs: readonly Run[]): Grid[] {
  const kernels = [...new Set(runs.map(({ kernel }) => kernel.release))].sort((a, b) =>
    a.localeCompare(b, 'en', { numeric: true }),
  );
  const placed = runs.map(run => ({ run, ...placeOf(run) }));
  return AXES.flatMap(axis => {
    const own = placed.filter(one => one.axis === axis);
    if (own.length === 0) return [];
    const rows = [...Map.groupBy(own, ({ value }) => value)].map(([value, group]) => ({
      value,
      runs: kernels.map(release => group.findLast(({ run }) => run.kernel.release === release)?.run),
    }));
    return [{ title: axis, kernels, rows: rows.sort(byValue) }];
  });
}

function placeOf(run: Run): { readonly axis: Axis; readonly value: string } {
  const named = NAMED.filter(axis => run[axis] !== USUAL[axis]);
  const others = Object.entries(run.cell ?? {}).filter(
    ([axis]) => axis !== 'kernel' && !(NAMED as readonly string[]).includes(axis),
  );
  const values = [...named.map(axis => run[axis]), ...others.map(([axis, value]) => optionText(axis, value))];
  if (named.length + Math.min(others.length, 1) > 1)
    return { axis: 'several axes', value: values.join(' + ') };
  if (others.length > 0) return { axis: 'machine', value: values.join(' ') };
  const axis = named[0] ?? 'trigger';
  return { axis, value: run[axis] };
}

/** A switch that is on has no value to show. */
function optionText(axis: string, value: string): string {
  return value === '' || value === 'true' ? axis : `${axis}=${value}`;
}

function byValue(a: GridRow, b: GridRow): number {
  return a.value.localeCompare(b.value);
}
