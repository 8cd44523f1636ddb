/** Whether what a command printed arrived. Node's console ignores it when its stream does not take a line. */
import { SystemError } from '../../../capture/errors.ts';

export interface WatchedOutput {
  /** Waits for what was printed to be written. @returns why it was not. */
  failure(): Promise<Error | undefined>;
  unwatch(): void;
}

/**
 * Watches standard output. The work goes on when it fails: a machine must not stay half armed because nobody reads the
 * lines. A reader that closed the pipe has seen enough, which is no failure.
 */
export function watchOutput(stream: NodeJS.WriteStream = process.stdout): WatchedOutput {
  let failure: Error | undefined;
  const remember = (cause: NodeJS.ErrnoException) => {
    if (isClosedPipe(cause)) return;
    failure ??= new SystemError(
      cause.code ?? 'OUTPUT',
      { action: 'write to standard output', actual: cause.message },
      {},
      { cause },
    );
  };
  stream.on('error', remember);
  return {
    async failure() {
      if (stream.writableLength > 0) await new Promise(written => stream.write('', written));
      // The event of an error comes after the write that it is about.
      await new Promise(setImmediate);
      return failure;
    },
    unwatch: () => void stream.off('error', remember),
  };
}

/** Nobody reads the rest. */
export function isClosedPipe(error: unknown): boolean {
  const { code, syscall } = error as NodeJS.ErrnoException;
  return code === 'EPIPE' && syscall === 'write';
}
