/** Waits without the event loop, to which a capture never returns. */
const NOBODY_WAKES = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));

export function pause(milliseconds: number): void {
  Atomics.wait(NOBODY_WAKES, 0, 0, milliseconds);
}
