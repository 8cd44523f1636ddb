/** Writes a dump's bytes to a file with pwrite(2). */
import { fdatasyncSync, writeSync } from 'node:fs';
import { TargetError } from '../../errors.ts';
import type { DumpSink } from '../../kdump/sink.ts';

/** The system calls; a test replaces them. */
export interface FileCalls {
  write(fd: number, bytes: Uint8Array, from: number, lengthBytes: number, offset: number): number;
  sync(fd: number): void;
}

const FILE_CALLS: FileCalls = { write: writeSync, sync: fdatasyncSync };

/** Errors after which the call may succeed. */
const TRANSIENT = new Set(['EINTR', 'EAGAIN']);
const MOST_RETRIES = 100;

/**
 * @param path for messages only.
 * @param durable whether `sync` waits for the device, which a dump on a running system does not need.
 */
export function openFileSink(
  fd: number,
  path: string,
  {
    durable,
    allowsHoles = false,
    calls = FILE_CALLS,
  }: { durable: boolean; allowsHoles?: boolean; calls?: FileCalls },
): DumpSink {
  const refuse = (action: string, cause: unknown, offset?: number): TargetError => {
    const code = errorCode(cause) ?? 'WRITE_FAILED';
    const actual = cause instanceof Error ? cause.message : String(cause);
    return new TargetError(code, { action, actual }, offset === undefined ? { path } : { path, offset }, {
      cause,
    });
  };
  return {
    allowsHoles,
    writeAt(bytes, offset) {
      let done = 0;
      let retries = 0;
      while (done < bytes.length) {
        let count: number;
        try {
          count = calls.write(fd, bytes, done, bytes.length - done, offset + done);
        } catch (error) {
          if (TRANSIENT.has(errorCode(error) ?? '') && retries++ < MOST_RETRIES) continue;
          throw refuse('write the dump', error, offset + done);
        }
        // Zero bytes written without an error would otherwise loop forever.
        if (count <= 0) throw refuse('write the dump', 'the file takes no more bytes', offset + done);
        done += count;
      }
    },
    sync() {
      if (!durable) return;
      try {
        calls.sync(fd);
      } catch (error) {
        throw refuse('sync the dump', error);
      }
    },
  };
}

function errorCode(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException | undefined)?.code;
}

/** A sink that records how far it was written. */
export interface EndTracking extends DumpSink {
  readonly endOffset: number;
}

export function trackEnd(sink: DumpSink): EndTracking {
  let endOffset = 0;
  return {
    allowsHoles: sink.allowsHoles,
    get endOffset() {
      return endOffset;
    },
    writeAt(bytes, offset) {
      sink.writeAt(bytes, offset);
      endOffset = Math.max(endOffset, offset + bytes.length);
    },
    sync: () => sink.sync(),
  };
}
