/** Machines that crash more than once. */
import * as expect from '../expect/expectations.ts';
import { CLOCK_1970, type Fault } from './fault.ts';

const WITH_AND_WITHOUT_CLOCK = [
  { name: 'crash-loop', help: 'the machine crashes twice, and crashLoop allows once an hour', devices: [] },
  { name: 'crash-loop-1970', help: 'the same on a machine whose clock was never set', devices: CLOCK_1970 },
];

export const REPEAT_FAULTS: readonly Fault[] = WITH_AND_WITHOUT_CLOCK.map(
  (row): Fault => ({
    ...row,
    crashes: 2,
    options: { crashLoop: '1/60' },
    expectations: [
      expect.says('the first is announced as saved', /kdumpling: end: saved /),
      expect.says(
        'the second says why not',
        /kdumpling: end: NOT saved: a crash loop: 1 capture just before/,
      ),
      expect.cameHome,
      expect.unmountedCleanly,
      expect.fileSystemSound,
      expect.skippedSecond,
    ],
  }),
);
