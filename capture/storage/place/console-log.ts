/**
 * The crashed kernel's log on the serial console, the place of last resort, so that it can be cut out of what a log
 * collector kept and checked. Each line of it begins with `| `, so that a line of the crash kernel's own in between is
 * distinguished; the mark at the end has the number of lines and the CRC-32 of their text, each line with its newline.
 */
import { crc32 } from 'node:zlib';
import { printable } from '../../text.ts';

const LINE_PREFIX = '| ';
export const BEGIN_MARK = "----- begin of the crashed kernel's log -----";
const END_MARK = /----- end of the crashed kernel's log: (\d+) lines, crc32 ([0-9a-f]{8}) -----/;

export class ConsoleLog {
  #lines = 0;
  #crc = 0;
  readonly #show: (line: string) => void;

  constructor(show: (line: string) => void) {
    this.#show = show;
  }

  /** A record of the log: a line, or more than one, with or without the last newline. */
  add(record: string): void {
    for (const part of record.trimEnd().split('\n')) {
      const line = printable(part).trimEnd();
      this.#show(`${LINE_PREFIX}${line}`);
      this.#lines++;
      this.#crc = crc32(`${line}\n`, this.#crc);
    }
  }

  endMark(): string {
    return `----- end of the crashed kernel's log: ${this.#lines} lines, crc32 ${hex(this.#crc)} -----`;
  }
}

export interface CutLog {
  readonly lines: readonly string[];
  /** Whether it is what the capture program wrote, by the end mark. */
  readonly whole: boolean;
}

/** The last log in the text of a serial console; undefined where there is none. */
export function cutConsoleLog(serial: string): CutLog | undefined {
  const begin = serial.lastIndexOf(BEGIN_MARK);
  if (begin < 0) return undefined;
  const end = END_MARK.exec(serial.slice(begin));
  const text = serial.slice(begin, end ? begin + end.index : undefined);
  const lines = text
    .split(/\r*\n/)
    .filter(line => line.startsWith(LINE_PREFIX))
    .map(line => line.slice(LINE_PREFIX.length).trimEnd());
  const crc = crc32(lines.map(line => `${line}\n`).join(''));
  return { lines, whole: end !== null && Number(end[1]) === lines.length && end[2] === hex(crc) };
}

function hex(crc: number): string {
  return crc.toString(16).padStart(8, '0');
}
