/** The lean layout in the lab: Node lies on the machine's own disk, or should. */
import * as expect from '../expect/expectations.ts';
import type { Fault } from './fault.ts';

export const LEAN_FAULTS: readonly Fault[] = [
  {
    name: 'lean',
    help: 'nothing; Node is on the boot disk and not in the image',
    layout: 'lean',
    runtimeOnDisk: true,
    expectations: expect.SOUND_CAPTURE,
  },
  {
    name: 'lean-no-runtime',
    help: 'as lean, and Node is gone from the boot disk',
    layout: 'lean',
    expectations: [
      expect.armed,
      expect.says('the serial log says why', /kdumpling: early: NOT saved: there is no \/runtime\/bin\/node/),
      expect.cameHome,
      expect.fileSystemSound,
    ],
  },
];
