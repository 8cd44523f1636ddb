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
 *
 * Only from its first use on: Node makes the stream when it is first asked for, which takes a fifth of a quiet command's start.
 */
export function watchOutput(): WatchedOutput {
  let failure: Error | undefined;
  let stream: NodeJS.WriteStream | undefined;
  const remember = (cause: NodeJS.ErrnoException) => {
    if (isClosedPipe(cause)) return;
    failure ??= new SystemError(
      cause.code ?? 'OUTPUT',
      { action: 'write to standard output', actual: cause.message },
      {},
      { cause },
    );
  };
  const stdout = Object.getOwnPropertyDescriptor(process, 'stdout')!;
  const restore = () => Object.defineProperty(process, 'stdout', stdout);
  Object.defineProperty(process, 'stdout', {
    ...stdout,
    get() {
      restore();
      stream = process.stdout;
      stream.on('error', remember);
      return stream;
    },
  });
  return {
    async failure() {
      const used = stream;
      if (!used) return undefined;
      if (used.writableLength > 0) await new Promise(written => used.write('', written));
      // The event of an error comes after the write that it is about.
      await new Promise(setImmediate);
      return failure;
    },
    unwatch() {
      restore();
      stream?.off('error', remember);
    },
  };
}

/** Nobody reads the rest. */
export function isClosedPipe(error: unknown): boolean {
  const { code, syscall } = error as NodeJS.ErrnoException;
  return code === 'EPIPE' && syscall === 'write';
}
