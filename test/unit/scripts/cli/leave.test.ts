/** How a command ends that has started threads. */
import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { PROJECT } from '../../../../build/paths.ts';

const LEAVE = `${PROJECT}/scripts/lib/cli/leave.ts`;
const LIBRARY = `${PROJECT}/capture/ffi/library.ts`;

/** It never ends by itself, and Node cannot end it. */
const THREAD = `
  import { parentPort } from 'node:worker_threads';
  import { openFfi, openLibrary } from '${LIBRARY}';
  const pause = openLibrary(openFfi(), ['libc.so.6']).func('int pause()');
  parentPort.postMessage('waits');
  pause();`;

const PROGRAM = `
  import { Worker } from 'node:worker_threads';
  import { leave } from '${LEAVE}';
  const worker = new Worker(${JSON.stringify(THREAD)}, { eval: true });
  worker.once('message', () => setTimeout(() => {
    console.log('printed');
    process.exitCode = 3;
    void worker.terminate();
    leave();
  }, 100));`;

test('the process ends though a thread of it does not', () => {
  const argv = ['--no-warnings', '--input-type=module', '--eval', PROGRAM];
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, argv, {
    cwd: PROJECT,
    encoding: 'utf8',
    timeout: 20_000,
    killSignal: 'SIGKILL',
  });
  expect({ status, signal, stdout, stderr }).toEqual({
    status: 3,
    signal: null,
    stdout: 'printed\n',
    stderr: '',
  });
});
