/** The guest's serial console, as lines with their times of arrival. */

/** When something arrived. */
export interface Moment {
  /** Seconds since QEMU's start, by the host's clock. */
  readonly atSeconds: number;
  /** CPU time that QEMU had taken by then, where that is known. */
  readonly cpuSeconds?: number;
}

export interface SerialLine extends Moment {
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

  push(chunk: string, moment: Moment): void {
    const pieces = (this.#rest + chunk).split(/\r*\n/);
    this.#rest = pieces.pop()!;
    for (const text of pieces) this.#add({ ...moment, text });
  }

  end(moment: Moment): void {
    if (this.#rest !== '') this.#add({ ...moment, text: this.#rest });
    this.#rest = '';
  }

  #add(line: SerialLine): void {
    this.lines.push(line);
    this.#onLine(line);
  }
}
