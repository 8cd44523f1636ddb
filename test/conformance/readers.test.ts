/**
 * The readers that support engineers have, on our dumps of real vmcores: crash in three releases, gdb, drgn. A reader
 * knows a kernel when it reads that kernel's raw vmcore: then it must read our dump just so. Which knows which is a
 * table, and the table is checked too. (libkdumpfile and drgn's strict walk: exactness.test.ts; makedumpfile: formats.test.ts.)
 */
import { beforeAll, describe, expect, test } from 'vitest';
import { fetchTool, type ToolName } from '../../build/fetch/tools.ts';
import { type CrashVerdict, runCrash } from '../../qemu/judges/crash.ts';
import { type GdbVerdict, runGdb } from '../../qemu/judges/gdb.ts';
import { judgeWalk, walkKernel } from '../../qemu/judges/walk.ts';
import type { PreparedVmcore } from '../../qemu/vmcores/vmcores.ts';
import {
  type Bench,
  isFullRun,
  OURS,
  openBench,
  seriesOf,
  vmcoreinfoOf,
  vmcoreOf,
  wantedKernels,
  withDump,
} from './vmcores.ts';

/** The series that each release of crash reads soundly: all tasks, the panic, the stack, without a complaint. */
const CRASHES: readonly (readonly [tool: ToolName, release: string, knows: readonly string[]])[] = [
  ['crash-bookworm', '8.0.2', ['5.10']],
  ['crash-trixie', '8.0.6', ['5.10', '6.1', '6.12']],
  // It stops at a raw vmcore of 7.2 too: "SLUB: cannot determine how compound pages are linked", module_num_gpl_syms.
  ['crash', '9.0.2', ['5.10', '6.1', '6.12']],
];
/** The debug symbols are half a gigabyte, and read anew each time. */
const TIMEOUT_SECONDS = 600;
const TWO_RUNS_MS = 2 * TIMEOUT_SECONDS * 1000;
const EXPECTED = { panic: /sysrq triggered crash/, frames: ['sysrq_handle_crash', 'write_sysrq_trigger'] };

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});

describe.each(wantedKernels())('%s', kernel => {
  const series = seriesOf(kernel);
  let vmcore: PreparedVmcore;
  beforeAll(() => {
    vmcore = vmcoreOf(kernel);
  });

  const crashes = CRASHES.filter(([, , knows]) => knows.includes(series) || isFullRun());
  describe.each(crashes)('%s %s', (name, release, knows) => {
    const run = async (dump: string): Promise<CrashVerdict> => {
      const tool = await fetchTool(bench.cache, name);
      expect(tool.version).toMatch(new RegExp(`^${release.replaceAll('.', '\\.')}\\b`));
      const { vmlinux, record } = vmcore;
      const expected = { ...EXPECTED, release: record.release };
      return runCrash(tool, { vmlinux, dump, expected, timeoutSeconds: TIMEOUT_SECONDS });
    };

    if (!knows.includes(series)) {
      test('does not know this kernel: it fails on the raw vmcore', { timeout: TWO_RUNS_MS }, async () => {
        expect((await run(vmcore.vmcore)).passed).toBe(false);
      });
      return;
    }

    test('reads our dump as it reads the raw vmcore, and finds nothing amiss', {
      timeout: TWO_RUNS_MS,
    }, async () => {
      const original = await run(vmcore.vmcore);
      const ours = await withDump(OURS, ['-z', '-d', '31'], vmcore.vmcore, run);
      expect(ours.problems).toEqual([]);
      expect(ours.summary).toEqual(original.summary);
      expect(ours.log).toEqual(original.log);
      expect(ours.summary.tasks).toBeGreaterThan(40);
    });
  });

  test('gdb reads our ELF core as it reads the raw vmcore', { timeout: TWO_RUNS_MS }, async () => {
    const gdb = await fetchTool(bench.cache, 'gdb');
    const { vmlinux, record } = vmcore;
    const kernelOffset = vmcoreinfoOf(vmcore).kernelOffset ?? 0n;
    const read = (core: string): Promise<GdbVerdict> =>
      runGdb(gdb, { core, vmlinux, kernelOffset, timeoutSeconds: TIMEOUT_SECONDS });
    const { transcript: _, ...original } = await read(vmcore.vmcore);
    const { transcript, ...ours } = await withDump(OURS, ['-E', '-d', '31'], vmcore.vmcore, read);
    expect(ours, transcript).toEqual(original);
    expect(ours).toMatchObject({ problems: [], release: record.release });
    expect(ours.commandLine).toContain('crashkernel=160M');
    expect(ours.tasks.length).toBeGreaterThan(40);
  });

  test('drgn walks our ELF core as it walks the raw vmcore', { timeout: TWO_RUNS_MS }, async () => {
    const { vmlinux } = vmcore;
    const original = await walkKernel(bench.drgn, vmcore.vmcore, vmlinux);
    const { problems } = await withDump(OURS, ['-E', '-d', '31'], vmcore.vmcore, dump =>
      judgeWalk(bench.drgn, { dump, vmlinux, original }),
    );
    expect(problems).toEqual([]);
  });
});
