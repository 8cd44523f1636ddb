/** Where the bytes of a dump go: the pure core's only output. */

export interface DumpSink {
  /** Bytes that are never written read as zeros: it is a new file. */
  readonly allowsHoles?: boolean;
  /**
   * Writes all of `bytes` at `offset`. The caller may reuse the array afterwards.
   * @throws TargetError when the target does not accept them all.
   */
  writeAt(bytes: Uint8Array, offset: number): void;
  /** Returns when everything written so far would survive a power cut, if the target can guarantee that. */
  sync(): void;
}
