/** Runs the project's checks one after another: each a command whose output the user sees. */
import { spawn } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Failure } from '../capture/errors.ts';

export class StepFailed extends Failure {}

/** @throws StepFailed when it does not exit with 0. */
export async function step(name: string, argv: readonly string[], signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  console.log(`── ${name}`);
  const [command, ...args] = argv;
  const child = spawn(command, args, { stdio: 'inherit' });
  // A test run ends its machines when it is signalled to end.
  const stop = () => child.kill('SIGTERM');
  signal.addEventListener('abort', stop);
  try {
    const status = await new Promise<number | string>((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', (code, signalName) => resolve(code ?? signalName!));
    });
    if (status === 0) return;
    throw new StepFailed('STEP_FAILED', { action: `pass ${name}`, actual: `it ended with ${status}` });
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
}

/** Runs a vitest project, its files side by side or not; its failures are counted and not thrown. */
export async function testStep(project: string, parallel: boolean, signal: AbortSignal): Promise<TestCounts> {
  const report = join(tmpdir(), `kdumpling-vitest-${process.pid}-${project}.json`);
  const files = parallel ? '--fileParallelism' : '--no-fileParallelism';
  const argv = ['vitest', 'run', '--project', project, files, '--reporter=default', '--reporter=json'];
  let failure: unknown;
  try {
    await step(`tests: ${project}`, [...argv, `--outputFile.json=${report}`], signal);
  } catch (error) {
    failure = error;
  }
  try {
    const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(report, 'utf8')) as Record<
      string,
      number
    >;
    // A suite that cannot even be loaded has no failed tests.
    return { passed: numPassedTests, failed: Math.max(numFailedTests, failure ? 1 : 0) };
  } catch {
    throw (
      failure ??
      new StepFailed('NO_REPORT', { action: `count the ${project} tests`, actual: 'vitest left no report' })
    );
  } finally {
    rmSync(report, { force: true });
  }
}
