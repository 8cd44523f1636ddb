/**
 * Backtraces without debug symbols, on raw vmcores of real kernels: every task's against drgn with DWARF, that of the task
 * that panicked against crash. That the comparison can fail is shown in test/unit/qemu/judges/backtraces.test.ts.
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { fetchTool } from '../../build/fetch/tools.ts';
import { openAutopsy } from '../../capture/autopsy/open.ts';
import { readTasks } from '../../capture/autopsy/tasks/tasks.ts';
import { btLines } from '../../capture/autopsy/unwind/bt-lines.ts';
import { openUnwinder } from '../../capture/autopsy/unwind/unwinder.ts';
import { openVmcore } from '../../capture/vmcore/open.ts';
import { openVmcoreFile } from '../../capture/vmcore/reader.ts';
import { compareBacktraces, unwindWithDwarf } from '../../qemu/judges/backtraces.ts';
import { runCrash } from '../../qemu/judges/crash.ts';
import type { PreparedVmcore } from '../../qemu/vmcores/vmcores.ts';
import { type Bench, openBench, seriesOf, vmcoreOf, wantedForeignKernels, wantedKernels } from './vmcores.ts';

/** crash 9.0.2 does not know 7.2; see readers.test.ts. That of this machine reads no other architecture. */
const knownToCrash = (kernel: string) =>
  ['5.10', '6.1', '6.12'].includes(seriesOf(kernel)) && !kernel.includes('arm64');
const CRASH_SECONDS = 600;
/** A filled machine has more; fewer compared are no judgement. */
const LEAST_TASKS = 60;
const LEAST_FRAMES = 350;

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});

describe.each([...wantedKernels(), ...wantedForeignKernels()])('%s', kernel => {
  let prepared: PreparedVmcore;
  beforeAll(() => {
    prepared = vmcoreOf(kernel);
  });

  test('every task has the frames that DWARF says', async () => {
    const theirs = await unwindWithDwarf(bench.drgn, prepared.vmcore, prepared.vmlinux);
    const { tasks, frames, problems } = withUnwinder(prepared, ({ unwinder }) =>
      compareBacktraces(theirs, task => unwinder.backtrace(task).frames),
    );
    console.log(`${kernel}: ${tasks - problems.length} of ${tasks} tasks equal, ${frames} frames`);
    expect(problems).toEqual([]);
    expect(tasks).toBeGreaterThanOrEqual(LEAST_TASKS);
    expect(frames).toBeGreaterThanOrEqual(LEAST_FRAMES);
  });

  test('every task is unwound to the end of its stack, and nothing is a guess', () => {
    withUnwinder(prepared, ({ list, unwinder }) => {
      const all = list.tasks.map(({ address }) => unwinder.backtrace(address));
      expect(all.flatMap(found => (found.end === 'stopped' ? [found.why] : []))).toEqual([]);
      expect(all.flatMap(({ frames }) => frames).filter(({ reliable }) => !reliable)).toEqual([]);
      expect(all.length).toBeGreaterThanOrEqual(LEAST_TASKS);
    });
  });

  test.skipIf(!knownToCrash(kernel))(
    'the task that panicked has the lines that crash prints',
    { timeout: CRASH_SECONDS * 1000 },
    async () => {
      const crash = await fetchTool(bench.cache, 'crash');
      const { vmcore: dump, vmlinux } = prepared;
      const { transcript } = await runCrash(crash, { dump, vmlinux, timeoutSeconds: CRASH_SECONDS });
      const theirs = /^PID: .*\n(?: *#\d+ .*\n| {4}.*\n|--- .*\n)+/m.exec(transcript)?.[0].trimEnd();
      const ours = withUnwinder(prepared, ({ list, unwinder }) =>
        btLines(list.panicTask!, unwinder.backtrace(list.panicTask!.address)),
      );
      // crash prints offsets with "bt -s" only.
      expect(ours.map(line => line.replace(/\+0x[0-9a-f]+ at /, ' at '))).toEqual(theirs?.split('\n'));
    },
  );
});

function withUnwinder<T>(
  { vmcore }: PreparedVmcore,
  use: (opened: { list: ReturnType<typeof readTasks>; unwinder: ReturnType<typeof openUnwinder> }) => T,
): T {
  const source = openVmcoreFile(vmcore, undefined);
  try {
    const kernel = openAutopsy(openVmcore(source));
    return use({ list: readTasks(kernel), unwinder: openUnwinder(kernel) });
  } finally {
    source.close();
  }
}
