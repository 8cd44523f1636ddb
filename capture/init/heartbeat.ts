/** What the supervisor (initrd/watch.sh) reads: one line in a file of the image's root, overwritten in place. */
import { openSync, writeSync } from 'node:fs';

/** How long the supervisor waits, and what it then does. All of it can change during a capture. */
export interface Patience {
  /** For how many seconds a phase may go without a beat; 0: without limit. */
  readonly stallSeconds: number;
  /** By when everything must be over, in seconds since the capture kernel's start; 0: no limit. */
  readonly endSeconds: number;
  /** What ends a capture that is stuck: `b` reboots, `o` powers off. */
  readonly sysrqKey: 'b' | 'o';
}

export interface Heartbeat {
  /** Progress was made. */
  beat(): void;
  /** A line of the program is on the console, so that the supervisor need not write one. It is no progress. */
  shown(): void;
  /** Another phase begins, which counts as a beat. The supervisor names the phase when it is stuck. */
  enter(phase: string): void;
  wait(patience: Patience): void;
  /** Runs work that ends by itself within so many seconds and cannot report progress meanwhile. */
  during<T>(seconds: number, work: () => T): T;
}

/** For work that ends late. */
const MARGIN_SECONDS = 30;
/** Longer than any line, so that a shorter one leaves nothing of the one before. */
const LINE_CHARS = 80;

/**
 * @param write takes the whole line at once. It may throw, which is ignored.
 * @param first what the early stage wrote for the supervisor.
 */
export function openHeartbeat(write: (line: string) => void, first: Patience): Heartbeat {
  let patience = first;
  let phase = 'start';
  let counter = 0;
  let lines = 0;
  const publish = (): void => {
    const { stallSeconds, endSeconds, sysrqKey } = patience;
    const fields = [counter, stallSeconds, endSeconds, sysrqKey, lines, phase];
    try {
      write(`${fields.join(' ').padEnd(LINE_CHARS - 1)}\n`);
    } catch {
      // The supervisor then takes the program for stuck, and reboots in time.
    }
  };
  const beat = (): void => {
    counter += 1;
    publish();
  };
  const wait = (longer: Patience): void => {
    patience = longer;
    beat();
  };
  return {
    beat,
    shown() {
      lines += 1;
      publish();
    },
    enter(name) {
      phase = name;
      beat();
    },
    wait,
    during(seconds, work) {
      const before = patience;
      const { stallSeconds } = before;
      wait({ ...before, stallSeconds: stallSeconds && Math.max(stallSeconds, seconds + MARGIN_SECONDS) });
      try {
        return work();
      } finally {
        wait(before);
      }
    },
  };
}

/** Overwrites a file in place, so that a reader never finds it empty. Does nothing where the file does not exist. */
export function lineWriter(path: string): (line: string) => void {
  let fd: number;
  try {
    fd = openSync(path, 'r+');
  } catch {
    return () => {};
  }
  return line => void writeSync(fd, line, 0);
}
