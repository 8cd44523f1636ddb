/** Raw vmcores: a capture from one ends with a dump that an independent reader accepts, or with a reason. */
import type { Attacker, Kind } from '../kind.ts';
import type { Base } from './base.ts';
import { bases } from './bases.ts';
import { MutantSource } from './mutant-source.ts';
import { mutate } from './mutations.ts';
import { holds } from './property.ts';

export const vmcores: Kind = {
  name: 'vmcore',
  share: 1,
  hangMs: 90_000,
  open: ({ vmcores: paths }) => vmcoreAttacker(bases(paths)),
};

export function vmcoreAttacker(all: readonly Base[]): Attacker {
  return random => {
    const base = random.pick(all);
    const mutations = mutate(base, random);
    return {
      labels: [`of "${base.name}"`, ...mutations.map(({ label }) => label)],
      run: () => (holds(new MutantSource(base.source, mutations)) === 'dump' ? 'read' : 'refused'),
    };
  };
}
