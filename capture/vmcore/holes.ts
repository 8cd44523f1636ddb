/** The holes of a file: zeros that need not be read. The machine's memory in a sparse copy is mostly holes. */

export class Holes {
  readonly #nextData: (offset: number) => number;
  /** The last hole that was found. */
  #start = 0;
  #end = 0;

  /** @param nextData where the next bytes at or after an offset are that are not in a hole; -1 when nobody knows. */
  constructor(nextData: (offset: number) => number) {
    this.#nextData = nextData;
  }

  /** How many of the bytes from `offset` on, up to `lengthBytes`, are in one hole. */
  bytesAt(offset: number, lengthBytes: number): number {
    if (offset < this.#start || offset >= this.#end) {
      this.#start = offset;
      this.#end = this.#nextData(offset);
    }
    return Math.max(0, Math.min(this.#end - offset, lengthBytes));
  }
}
