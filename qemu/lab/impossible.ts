/** What the lab cannot crash, each with the reason: triggers that nothing here can make, and those that a kernel does not fit. */

import { FAULTS } from '../faults/all.ts';
import { GEOMETRIES } from '../geometry/all.ts';
import type { Misfit, NotOn } from '../kernel/misfit.ts';
import { IMPOSSIBLE_TRIGGERS, TRIGGERS } from '../triggers/triggers.ts';

export interface Impossible {
  readonly name: string;
  readonly why: string;
}

/** @param architecture Debian’s name of that of the machines. */
export function impossibleCrashes(architecture: string): Impossible[] {
  const rows: readonly { readonly name: string; readonly misfit?: Misfit }[] = [...TRIGGERS, ...GEOMETRIES];
  const misfits = rows.flatMap(({ name, misfit }) =>
    misfit && (misfit.architecture ?? architecture) === architecture
      ? [{ name: `${name} on ${misfit.kernels.join(', ')}`, why: misfit.why }]
      : [],
  );
  return [...IMPOSSIBLE_TRIGGERS, ...notOn(architecture), ...misfits];
}

/** What an architecture does not have that another one has. */
export function notOn(architecture: string): Impossible[] {
  const rows: readonly { readonly name: string; readonly notOn?: NotOn }[] = [
    ...TRIGGERS,
    ...FAULTS,
    ...GEOMETRIES,
  ];
  return rows.flatMap(({ name, notOn: reasons }) => {
    const why = reasons?.[architecture];
    return why ? [{ name, why }] : [];
  });
}
