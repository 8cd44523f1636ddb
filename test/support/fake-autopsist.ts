/** An autopsy program in memory: it looks as if it ran for so many looks, with or without progress. It never helps with a dump. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { Autopsist, RunningAutopsy } from '../../capture/scene/child.ts';

export interface FakeAutopsy {
  /** How often it is seen running; for ever by default of a program that hangs. */
  readonly looks?: number;
  /** At each look. */
  readonly progress?: (look: number) => string;
  readonly result?: ReturnType<RunningAutopsy['result']>;
  readonly texts?: Readonly<Record<'text' | 'json', string>>;
  readonly start?: () => void;
  /** Its result is there, and it chooses pages. */
  readonly isAtPages?: boolean;
  readonly pages?: ReturnType<RunningAutopsy['pages']>;
  /** Memory of its own. */
  readonly ownBytes?: number;
  /** Called whenever it may begin. */
  readonly onBegin?: () => void;
  /** Whether SIGKILL does not end it: it is held in the kernel. */
  readonly isStuck?: boolean;
}

const directory = mkdtempSync(join(tmpdir(), 'kdumpling-fake-autopsy-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

export interface FakeAutopsist extends Autopsist {
  readonly starts: number;
  readonly kills: number;
  /** How often it was started before the program was removed; undefined where it was not. */
  readonly startsBeforeDiscard: number | undefined;
}

export function fakeAutopsist({
  looks = 3,
  progress = String,
  result = { state: 'saved', class: 'null-dereference', culprit: 'lab_null', stacks: 1 },
  texts = { text: 'Autopsy\n', json: '{"format":1}\n' },
  start = () => {},
  ownBytes = 30 << 20,
  isStuck = false,
  isAtPages = false,
  pages,
  onBegin = () => {},
}: FakeAutopsy = {}): FakeAutopsist {
  let look = 0;
  let starts = 0;
  let kills = 0;
  let startsBeforeDiscard: number | undefined;
  return {
    get startsBeforeDiscard() {
      return startsBeforeDiscard;
    },
    discard() {
      startsBeforeDiscard = starts;
    },
    get starts() {
      return starts;
    },
    get kills() {
      return kills;
    },
    start() {
      starts += 1;
      start();
      return {
        directory,
        isHelping: () => false,
        allow() {},
        begin: onBegin,
        isDue: () => false,
        progress: () => progress(look),
        anonymousBytes: () => ownBytes,
        isRunning: () => look++ < looks && (kills === 0 || isStuck),
        kill: () => void kills++,
        // Before its last step, the choice of pages, it has no result.
        result: () =>
          look < looks && !isAtPages ? { state: 'failed', why: 'it ended without a result' } : result,
        read: file => texts[file],
        pages: () => pages,
      };
    },
  };
}
