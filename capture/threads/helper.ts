/**
 * Another process that compresses a dump together with this one (feed.ts), once its own work is over (help.ts): it is there
 * already, and has Node's code and its memory. A thread that was started then would come too late.
 */
import { readSync } from 'node:fs';
import type { Libc } from '../ffi/libc.ts';
import type { DumpInput, PageFeed } from '../kdump/write/writer.ts';
import { type Crew, feedOf } from './feed.ts';
import { planWork, type ThreadInput } from './plan-work.ts';
import { batchCount, NEXT_BATCH, type ThreadReport, WORKING } from './thread-work.ts';
import { offerWork, workFiles } from './work-file.ts';

export interface HelperProcess {
  /** A directory in memory, where it looks for work. */
  readonly directory: string;
  /** Whether it has looked: then it is not there for anything else any more. */
  isHelping(): boolean;
  /** Lets it map so much more memory of its own than it may now. */
  allow(bytes: number): void;
  isRunning(): boolean;
  kill(): void;
}

export interface Helper {
  readonly feed: PageFeed;
  /** How many have compressed, this process among them. Until it is closed. */
  working(): number;
  /** The process does nothing more for the dump, and ends if that is all it does. Does not throw. */
  close(): void;
}

/** It maps 8 MiB more, of which it uses 2. */
const MAPS_BYTES = 16 << 20;
const READ_BYTES = 4 << 10;

/**
 * @param slots how many batches may be there that this process has not written yet.
 * @throws what Node's calls throw, and SystemError.
 */
export function askHelper(
  libc: Libc,
  helper: HelperProcess,
  slots: number,
  request: ThreadInput,
  input: DumpInput,
): Helper {
  const files = workFiles(helper.directory);
  const { work, reports, withdraw } = offerWork(libc, files, planWork(request, input, slots));
  helper.allow(MAPS_BYTES);
  const turns = new Int32Array(work.turns);
  return {
    feed: feedOf(work, request, input, crewOf(helper, reports)),
    working: () => 1 + Atomics.load(turns, WORKING),
    close() {
      // One that only begins now finds nothing to do. One that has begun may wait for a buffer that nobody frees.
      Atomics.store(turns, NEXT_BATCH, batchCount(work));
      if (helper.isHelping()) helper.kill();
      withdraw();
    },
  };
}

function crewOf(helper: HelperProcess, reports: number): Crew {
  const bytes = Buffer.alloc(READ_BYTES);
  let text = '';
  return {
    receive() {
      let end = text.indexOf('\n');
      for (let got = 1; end < 0 && got > 0; end = text.indexOf('\n')) {
        got = readSync(reports, bytes);
        text += bytes.toString('latin1', 0, got);
      }
      if (end < 0) return undefined;
      const line = Buffer.from(text.slice(0, end), 'latin1');
      text = text.slice(end + 1);
      return JSON.parse(line.toString()) as ThreadReport;
    },
    ended: () => (helper.isRunning() ? undefined : 'the process that helps has ended'),
  };
}
