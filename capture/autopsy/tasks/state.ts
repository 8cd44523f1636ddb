/**
 * The state of a task in crash's words. The bits are those of include/linux/sched.h since Linux v4.14; they are macros, so
 * BTF does not have them.
 */
const TASK_INTERRUPTIBLE = 0x1;
const TASK_UNINTERRUPTIBLE = 0x2;
const TASK_STOPPED = 0x4;
const TASK_TRACED = 0x8;
const EXIT_DEAD = 0x10;
const EXIT_ZOMBIE = 0x20;
const TASK_PARKED = 0x40;
const TASK_DEAD = 0x80;
const TASK_WAKING = 0x200;
const TASK_NOLOAD = 0x400;
const TASK_NEW = 0x800;
const TASK_RTLOCK_WAIT = 0x1000;
const TASK_FROZEN = 0x8000;

const TASK_IDLE = TASK_UNINTERRUPTIBLE | TASK_NOLOAD;

/** `FR` (frozen) is not one of crash's. */
export type StateWord =
  | 'RU'
  | 'IN'
  | 'UN'
  | 'ID'
  | 'ZO'
  | 'DE'
  | 'ST'
  | 'TR'
  | 'PA'
  | 'WA'
  | 'NE'
  | 'FR'
  | '??';

/** The first row of which all bits are set. */
const WORDS: readonly (readonly [bits: number, word: StateWord])[] = [
  [EXIT_ZOMBIE, 'ZO'],
  [EXIT_DEAD, 'DE'],
  [TASK_DEAD, 'DE'],
  [TASK_IDLE, 'ID'],
  [TASK_UNINTERRUPTIBLE, 'UN'],
  [TASK_RTLOCK_WAIT, 'UN'],
  [TASK_INTERRUPTIBLE, 'IN'],
  [TASK_STOPPED, 'ST'],
  [TASK_TRACED, 'TR'],
  [TASK_PARKED, 'PA'],
  [TASK_WAKING, 'WA'],
  [TASK_NEW, 'NE'],
  [TASK_FROZEN, 'FR'],
];

/** @param state `task_struct.__state` (`state` before v5.14); `exit_state` beside it. */
export function stateWord(state: number, exit_state: number): StateWord {
  const bits = state | exit_state;
  if (bits === 0) return 'RU';
  return WORDS.find(([wanted]) => (bits & wanted) === wanted)?.[1] ?? '??';
}
