/**
 * Starts the autopsy program. It is a process and not a worker thread: a thread that allocates an array larger than its
 * heap ends the whole process (Node's resourceLimits do not stop V8's fatal out-of-memory), which is PID 1 and the dump;
 * it keeps 9 MB that it does not return; and the OOM killer cannot choose it. A process takes the same 10 MB, because
 * Node's code is in memory already, and gives them back. Where reading the vmcore makes the kernel oops, the kernel ends
 * the process that read.
 */
import { spawn } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { attempt } from '../errors.ts';
import type { Libc } from '../ffi/libc.ts';
import type { HelperProcess } from '../threads/helper.ts';
import { workFiles } from '../threads/work-file.ts';
import { type ScenePages, type SceneResult, sceneFiles, TABLES } from './files.ts';

export interface Autopsist {
  /** @param withTables see finishTriage. @throws what Node's calls throw. */
  start(withTables: boolean): RunningAutopsy;
  /** It is not started again. */
  discard(): void;
}

export interface RunningAutopsy extends HelperProcess {
  /**
   * Lets the program read, once it waits for that (begin.ts), with so much memory of its own at most: the kernel refuses it
   * more. Before and after that it does nothing.
   */
  begin(mostOwnBytes: number): void;
  /** Whether there is something to do for it at once: it waits to begin, or has left all it has. One system call. */
  isDue(): boolean;
  /** Changes whenever it has made progress; empty before it has begun to read. */
  progress(): string;
  /** Whether the process still exists. */
  isRunning(): boolean;
  /** Whether it helps with the dump: all that it writes of the autopsy is there. */
  isHelping(): boolean;
  /** Memory of its own, which is free once it has ended; 0 where the kernel does not say it. */
  anonymousBytes(): number;
  /** Asks the kernel to end the process. One that is held in the kernel ends later, or never. */
  kill(): void;
  /** Of one that has ended: its result, or undefined and why there is none. */
  result(): SceneResult | { readonly state: 'failed'; readonly why: string };
  /** @throws what Node's calls throw. */
  read(file: 'text' | 'json'): string;
  /** The pages for a triage dump; undefined where none were chosen. @throws what Node's calls throw. */
  pages(): ScenePages | undefined;
}

export interface AutopsyProgram {
  /** What starts Node: a program and its first arguments. */
  readonly node: readonly [string, ...string[]];
  readonly flags: readonly string[];
  /** The bundle of main.ts. */
  readonly program: string;
  readonly vmcorePath: string;
  /** Made where it does not exist. */
  readonly directory: string;
  /** Called when the program is not needed any more. Does not throw. */
  readonly discard: () => void;
  /** By system calls; see libc.ts. Without `limitData`, only the capture's looks limit the program's memory. */
  readonly libc?: Partial<Pick<Libc, 'spawn' | 'limitData'>> | undefined;
}

/** Its memory is the dump's, and what it reads may ask for any amount. Compiling takes more memory than it saves time. */
export const AUTOPSY_FLAGS: readonly string[] = [
  '--max-semi-space-size=1',
  '--v8-pool-size=1',
  '--max-old-space-size=40',
  '--no-warnings',
  '--no-opt',
  '--no-maglev',
];

/** proc_pid_oom_score_adj(5): the first that the kernel ends when there is no memory. */
const FIRST_TO_GO = '1000';
/** More than the program writes. */
const MOST_FILE_BYTES = 1 << 20;
const MOST_RESULT_BYTES = 64 << 10;
const MOST_PAGES_BYTES = 8 << 20;

export function autopsist(autopsy: AutopsyProgram): Autopsist {
  const { node, flags, program, vmcorePath, directory, discard, libc = {} } = autopsy;
  const files = sceneFiles(directory);
  const { started, begin, progress, result, pages } = files;
  const { looked, terms } = workFiles(directory);
  return {
    start(withTables) {
      mkdirSync(directory, { recursive: true, mode: 0o700 });
      for (const file of [started, begin, progress, result, pages, looked, terms])
        rmSync(file, { force: true });
      const words = [...node, ...flags, program, vmcorePath, directory, ...(withTables ? [TABLES] : [])];
      const pid = (libc.spawn ?? spawnByNode)(words, ENVIRONMENT, files.errors);
      let isWaited = true;
      // It may be allowed more before it has begun.
      let [limitBytes, allowedBytes] = [0, 0];
      const limit = (): void => {
        if (pid === undefined || limitBytes === 0) return;
        attempt(() => libc.limitData?.(pid, limitBytes + allowedBytes));
      };
      if (pid !== undefined) attempt(() => writeFileSync(`/proc/${pid}/oom_score_adj`, FIRST_TO_GO));
      return {
        directory,
        begin(mostOwnBytes) {
          if (pid === undefined || !existsSync(started) || existsSync(begin)) return;
          const { ownBytes, dataBytes } = memoryOf(pid);
          if (dataBytes > 0) limitBytes = dataBytes + Math.max(0, mostOwnBytes - ownBytes);
          limit();
          writeFileSync(begin, '');
          isWaited = false;
        },
        allow(bytes) {
          allowedBytes += bytes;
          limit();
        },
        isDue: () => existsSync(isWaited ? started : pages),
        progress: () => attempt(() => readBounded(files.progress, MOST_RESULT_BYTES)) ?? '',
        isRunning: () => pid !== undefined && isRunning(pid),
        isHelping: () => existsSync(looked),
        anonymousBytes: () => (pid === undefined ? 0 : memoryOf(pid).ownBytes),
        kill: () => pid !== undefined && attempt(() => process.kill(pid, 'SIGKILL')),
        result: () => readResult(files.result) ?? { state: 'failed', why: lastError(files.errors) },
        read: file => readBounded(files[file], MOST_FILE_BYTES),
        pages: () => readPages(files.pages),
      };
    },
    discard,
  };
}

/** The last: see initrd/start-node.sh. */
const ENVIRONMENT = ['NODE_DISABLE_COLORS=1', 'UV_THREADPOOL_SIZE=1', 'MALLOC_MMAP_THRESHOLD_=65536'];

/** Loads Node's module for processes, which takes as long as the start of a process and a megabyte that is never free again. */
function spawnByNode(
  [command, ...words]: readonly string[],
  environment: readonly string[],
  errorsPath: string,
): number | undefined {
  const errors = openSync(errorsPath, 'w');
  // The caller never returns to the event loop, so nothing here waits for an event of the child.
  const child = spawn(command!, words, {
    stdio: ['ignore', 'ignore', errors],
    env: Object.fromEntries(environment.map(text => text.split('='))),
  });
  closeSync(errors);
  child.on('error', () => {});
  return child.pid;
}

/** proc_pid_status(5): anonymous pages, and what RLIMIT_DATA counts. 0 where the kernel does not say it. */
function memoryOf(pid: number): { ownBytes: number; dataBytes: number } {
  const status = attempt(() => readFileSync(`/proc/${pid}/status`, 'latin1')) ?? '';
  const bytes = (field: string) =>
    1024 * Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0);
  return { ownBytes: bytes('RssAnon'), dataBytes: bytes('VmData') };
}

/** A child that nobody waited for stays a zombie (proc_pid_stat(5): the state follows the last parenthesis). */
function isRunning(pid: number): boolean {
  const stat = attempt(() => readFileSync(`/proc/${pid}/stat`, 'latin1'));
  const state = stat && /\) (\S)[^)]*$/.exec(stat)?.[1];
  return state !== undefined && !['Z', 'X'].includes(state);
}

function readResult(path: string): SceneResult | undefined {
  const result = attempt(() => JSON.parse(readBounded(path, MOST_RESULT_BYTES)) as SceneResult);
  return isResult(result) ? result : undefined;
}

/** The program has read memory that anybody may have written. */
function isResult(result: SceneResult | undefined): boolean {
  if (result?.state === 'skipped') return typeof result.why === 'string';
  const isText = (value: unknown) => value === undefined || typeof value === 'string';
  return result?.state === 'saved' && isText(result.class) && isText(result.culprit);
}

/** Node prints a line on what was thrown among others: the source, the stack, its version. */
function lastError(path: string): string {
  const lines = (attempt(() => readBounded(path, MOST_FILE_BYTES)) ?? '').split('\n');
  const line = lines.find(text => /^(FATAL ERROR|\w*(Error|Failure)\b)/.test(text));
  return line ?? 'it ended without a result';
}

/** What the program chose is only a wish: whether a page is in the vmcore is asked where it is used. */
function readPages(path: string): ScenePages | undefined {
  if (!existsSync(path)) return undefined;
  const { size } = statSync(path);
  if (size > MOST_PAGES_BYTES || size % 8 !== 0 || size === 0) return undefined;
  const doubles = new Float64Array(size / 8);
  doubles.set(new Float64Array(Uint8Array.from(readFileSync(path)).buffer));
  const pfns = doubles.subarray(1);
  const isCount = (value: number) => Number.isSafeInteger(value) && value >= 0;
  if (!isCount(doubles[0]!) || doubles[0]! > pfns.length || !pfns.every(isCount)) return undefined;
  return { pfns: [...pfns], debuggerPages: doubles[0]! };
}

function readBounded(path: string, mostBytes: number): string {
  const { size } = statSync(path);
  if (size > mostBytes) throw new RangeError(`${path} has ${size} bytes`);
  return readFileSync(path, 'utf8');
}
