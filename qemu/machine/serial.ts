/** The guest's serial console, as lines with their times of arrival. */

export interface SerialLine {
  /** Seconds since QEMU's start, by the host's clock. */
  readonly atSeconds: number;
  readonly text: string;
}

/** Splits the stream into lines. A line is complete at its newline; `end` hands out the rest. */
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
