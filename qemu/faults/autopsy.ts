/** Faults of the autopsy, as the memory of a broken kernel may cause them. None costs the dump. */
import { autopsyFailed } from '../expect/autopsy.ts';
import * as expect from '../expect/expectations.ts';
import type { Fault } from './fault.ts';
import { TWO_CPUS } from './sound.ts';

function badAutopsy(deed: string, help: string, why: RegExp): Fault {
  return {
    name: `${deed}-in-autopsy`,
    help,
    autopsy: `qemu/faults/bundles/${deed}-in-autopsy.ts`,
    expectations: [...expect.SAVED_CAPTURE, autopsyFailed(why)],
  };
}

const GREW =
  /^(it was ended: it (left|took) |it ended without a result|(FATAL ERROR|RangeError): .*allocation failed)/i;

export const AUTOPSY_FAULTS: readonly Fault[] = [
  badAutopsy('throw', 'the autopsy throws after its first reads', /lab fault: thrown in the autopsy/),
  badAutopsy('hang', 'the autopsy loops without reading', /it was ended: it made no progress for \d+ s/),
  badAutopsy('grow', 'the autopsy takes all memory', GREW),
  {
    ...badAutopsy(
      'hang',
      'the same beside the dump, on a second CPU',
      /it was ended: it made no progress for \d+ s/,
    ),
    name: 'hang-beside-dump',
    ...TWO_CPUS,
  },
  {
    ...badAutopsy('grow', 'the autopsy takes all memory beside the dump, on a second CPU', GREW),
    name: 'grow-beside-dump',
    ...TWO_CPUS,
  },
  badAutopsy(
    'call-unused',
    'the autopsy calls a part of Node that the image lacks',
    /^it ended without a result/,
  ),
  {
    name: 'no-autopsy',
    help: 'nothing; the option autopsy is no',
    options: { autopsy: 'no' },
    expectations: [
      ...expect.SAVED_CAPTURE,
      expect.says('it is skipped', /kdumpling: autopsy: skipped: the option autopsy is no/),
    ],
  },
];
