/** The newest verdict of each crash, by axis and kernel. */
import { PLAIN } from '../lab/matrix.ts';
import type { Run } from './runs.ts';

const AXES = ['trigger', 'fault', 'geometry'] as const;
type Axis = (typeof AXES)[number];

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
  return [...AXES, 'several' as const].flatMap(axis => {
    const own = placed.filter(one => one.axis === axis);
    if (own.length === 0) return [];
    const rows = [...Map.groupBy(own, ({ value }) => value)].map(([value, group]) => ({
      value,
      runs: kernels.map(release => group.findLast(({ run }) => run.kernel.release === release)?.run),
    }));
    return [{ title: axis === 'several' ? 'several axes' : axis, kernels, rows: rows.sort(byValue) }];
  });
}

function placeOf(run: Run): { readonly axis: Axis | 'several'; readonly value: string } {
  const unusual = AXES.filter(axis => run[axis] !== PLAIN[axis]);
  if (unusual.length > 1) return { axis: 'several', value: unusual.map(axis => run[axis]).join(' + ') };
  const axis = unusual[0] ?? 'trigger';
  return { axis, value: run[axis] };
}

function byValue(a: GridRow, b: GridRow): number {
  return a.value.localeCompare(b.value);
}
