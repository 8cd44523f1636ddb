/** What the supervisor (initrd/watch.sh) is told: one line in a file of the image's root, written over in place. */
import { openSync, writeSync } from 'node:fs';

/** How long and how the supervisor waits. All of it can change on the way, with the options or for a shell. */
export interface Patience {
  /** For how many seconds a phase may go without a beat; 0: for ever. */
  readonly stallSeconds: number;
  /** Seconds since the capture kernel's start after which all must be over; 0: never. */
  readonly endSeconds: number;
  /** The sysrq key of the way home: `b` reboots, `o` powers off. */
  readonly homeKey: 'b' | 'o';
}

export interface Heartbeat {
  /** Something moved. */
  beat(): void;
  /** Another phase begins, which counts as a beat. Its name is what the supervisor says when nothing moves in it. */
  enter(phase: string): void;
  wait(patience: Patience): void;
  /** Work that ends by itself within so many seconds, and cannot tell meanwhile whether it moves. */
  during<T>(seconds: number, work: () => T): T;
}

/** For what ends late. */
const MARGIN_SECONDS = 30;
/** Longer than any line: what is written over must not show behind what is shorter. */
const LINE_CHARS = 80;

/**
 * @param write takes the whole line, at once; may throw, which is no reason to stop.
 * @param first as the early stage has told it to the supervisor.
 */
export function openHeartbeat(write: (line: string) => void, first: Patience): Heartbeat {
  let patience = first;
  let phase = 'start';
  let counter = 0;
  const tell = (): void => {
    const { stallSeconds, endSeconds, homeKey } = patience;
    counter += 1;
    try {
      write(`${[counter, stallSeconds, endSeconds, homeKey, phase].join(' ').padEnd(LINE_CHARS - 1)}\n`);
    } catch {
      // The supervisor then believes that we are stuck, and brings the machine home in time.
    }
  };
  const wait = (longer: Patience): void => {
    patience = longer;
    tell();
  };
  return {
    beat: tell,
    enter(name) {
      phase = name;
      tell();
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

/** Writes over a file in place, so that it is never empty for whoever reads it. Does nothing where there is none. */
export function lineWriter(path: string): (line: string) => void {
  let fd: number;
  try {
    fd = openSync(path, 'r+');
  } catch {
    return () => {};
  }
  return line => void writeSync(fd, line, 0);
}
