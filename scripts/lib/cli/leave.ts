/** Ends a program that has started threads. */
import { attempt } from '../../../capture/errors.ts';
import { openFfi, openLibrary } from '../../../capture/ffi/library.ts';

/**
 * Ends the process at once, with the exit code that was set; the caller has written all that it prints. Node's own end waits
 * for each thread, and that for the tasks of V8's compilers. One of these may wait for a garbage collection of a heap whose
 * thread is waiting already: it was seen once in some hundred dumps, and ended never (Node 24.21,
 * CollectionBarrier::AwaitCollectionBackground). Without the FFI Node ends as it does.
 */
export function leave(): never {
  const status = Number(process.exitCode ?? 0);
  attempt(() => openLibrary(openFfi(), ['libc.so.6']).func('void _exit(int)')(status));
  process.exit();
}
