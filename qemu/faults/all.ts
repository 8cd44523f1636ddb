/** Every fault of the lab. A new one is a row in one of these files and a row in qemu/README.md. */
import { AUTOPSY_FAULTS } from './autopsy.ts';
import { CONSOLE_FAULTS } from './console.ts';
import type { Fault } from './fault.ts';
import { PHASE_FAULTS } from './phase.ts';
import { POWER_CUT } from './power-cut/fault.ts';
import { REPEAT_FAULTS } from './repeat.ts';
import { EVERY_LEVEL, GUEST_VIEW, SEVERAL_CPUS, SOUND_RUNS } from './sound.ts';
import { SPACE_FAULTS } from './space.ts';
import { STORAGE_FAULTS } from './storage.ts';
import { WATCH_FAULTS } from './watch.ts';

export const FAULTS: readonly Fault[] = [
  ...SOUND_RUNS,
  ...PHASE_FAULTS,
  ...AUTOPSY_FAULTS,
  ...WATCH_FAULTS,
  ...CONSOLE_FAULTS,
  ...REPEAT_FAULTS,
  ...STORAGE_FAULTS,
  ...SPACE_FAULTS,
  POWER_CUT,
  EVERY_LEVEL,
  GUEST_VIEW,
  SEVERAL_CPUS,
];
