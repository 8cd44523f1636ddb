/** Where the bytes of a dump go, seen from the pure core. */

export interface DumpSink {
  /**
   * Writes all of `bytes` at `offset`. The bytes are the writer's to reuse afterwards.
   * @throws TargetError when the target does not take them all.
   */
  writeAt(bytes: Uint8Array, offset: number): void;
  /** Returns when everything written so far would survive a power cut, on a target that can promise it. */
  sync(): void;
}
