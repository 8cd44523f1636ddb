/** The guest's serial console as lines with the time at which each arrived. */

export interface SerialLine {
  /** Seconds since QEMU was started, by the host's clock. */
  readonly atSeconds: number;
  readonly text: string;
}

/** Splits what arrives into lines; a line is complete with its newline, and what is left over comes at `end`. */
export class SerialReader {
  readonly lines: SerialLine[] = [];
  #rest = '';
  readonly #onLine: (line: SerialLine) => void;

  constructor(onLine: (line: SerialLine) => void) {
    this.#onLine = onLine;
  }

  push(chunk: string, atSeconds: number): void {
    const pieces = (this.#rest + chunk).split(/\r*\n/);
    this.#rest = pieces.pop()!;
    for (const text of pieces) this.#add({ atSeconds, text });
  }

  end(atSeconds: number): void {
    if (this.#rest !== '') this.#add({ atSeconds, text: this.#rest });
    this.#rest = '';
  }

  #add(line: SerialLine): void {
    this.lines.push(line);
    this.#onLine(line);
  }
}

/** The first line that matches, from `from` on. */
export function findLine(lines: readonly SerialLine[], pattern: RegExp, from = 0): SerialLine | undefined {
  return lines.find((line, index) => index >= from && pattern.test(line.text));
}
