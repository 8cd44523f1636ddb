/**
 * The crashed kernel's log on the serial console, the last resort, in a form that can be extracted from the records of a
 * log collector and checked. Each line begins with `| `, which separates it from the crash kernel's own lines. The end
 * mark has the number of lines and the CRC-32 of their text, newlines included.
 */
import { crc32 } from '../../kdump/format/crc32.ts';
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

  /** @param record one or more lines, with or without the last newline. */
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
  /** Whether the end mark confirms all lines. */
  readonly whole: boolean;
}

/** The last log in the text of a serial console; undefined for none. */
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
