/** What the lab cannot crash, each with the reason: triggers that nothing here can make, and those that a kernel does not fit. */
import { GEOMETRIES } from '../geometry/all.ts';
import type { Misfit } from '../kernel/misfit.ts';
import { IMPOSSIBLE_TRIGGERS, TRIGGERS } from '../triggers/triggers.ts';

export interface Impossible {
  readonly name: string;
  readonly why: string;
}

export function impossibleCrashes(): Impossible[] {
  const rows: readonly { readonly name: string; readonly misfit?: Misfit }[] = [...TRIGGERS, ...GEOMETRIES];
  const misfits = rows.flatMap(({ name, misfit }) =>
    misfit ? [{ name: `${name} on ${misfit.kernels.join(', ')}`, why: misfit.why }] : [],
  );
  return [...IMPOSSIBLE_TRIGGERS, ...misfits];
}
