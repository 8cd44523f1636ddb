/**
 * Triage dumps of real vmcores: crash, drgn and our own verbs answer from some thousand pages as they do from all of
 * memory. A dump that a size limit cuts keeps these pages first.
 */
import { statSync } from 'node:fs';
import { beforeAll, describe, expect, test } from 'vitest';
import { fetchTool } from '../../build/fetch/tools.ts';
import { unwindWithDwarf } from '../../qemu/judges/backtraces.ts';
import { runBounded } from '../../qemu/judges/bounded-run.ts';
import { crashOutputs } from '../../qemu/judges/crash-commands.ts';
import { kernelFacts } from '../../qemu/judges/kernel-facts.ts';
import type { PreparedVmcore } from '../../qemu/vmcores/vmcores.ts';
import {
  type Bench,
  KDUMPLING,
  OURS,
  openBench,
  seriesOf,
  vmcoreOf,
  wantedForeignKernels,
  wantedKernels,
  withDump,
} from './vmcores.ts';

/** crash 9.0.2 does not know 7.2; see readers.test.ts. That of this machine reads no other architecture. */
const knownToCrash = (kernel: string) => ['5.10', '6.1', '6.12'].includes(seriesOf(kernel));
const CRASH_SECONDS = 600;
const TIMEOUT_MS = 2 * CRASH_SECONDS * 1000;
const COMMANDS = ['sys', 'log', 'ps', 'bt', 'bt -a', 'foreach bt', 'mod'];
const VERBS = [
  'ps',
  'bt -a',
  'bt --all-tasks',
  'mod',
  'log',
  'mem -i -s -z -f -H',
  'mounts',
  'files 1',
  'locks',
  'sym schedule',
  'struct task_struct',
];
/** On disk, of 1.3 GB of memory. Debian’s generic 7.2 has the most: 1.88 MB. */
const MOST_TRIAGE_BYTES = 2e6;
const MOST_BYTES_WITH_TABLES = 16 * 2 ** 20;
const CUT_BYTES = 4 * 2 ** 20;

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});

describe.each([...wantedKernels(), ...wantedForeignKernels()])('%s', kernel => {
  const isForeign = kernel.includes('arm64');
  let prepared: PreparedVmcore;
  beforeAll(() => {
    prepared = vmcoreOf(kernel);
  });

  const askCrash = async (dump: string, flags: readonly string[] = []): Promise<Record<string, string>> => {
    const tool = await fetchTool(bench.cache, 'crash');
    const { vmlinux } = prepared;
    const session = { vmlinux, dump, commands: COMMANDS, flags, timeoutSeconds: CRASH_SECONDS };
    const outputs = await crashOutputs(tool, session);
    // It names the file.
    return { ...outputs, sys: outputs.sys!.replace(/^ +DUMPFILE: .*\n/m, '') };
  };

  test.skipIf(isForeign || !knownToCrash(kernel))(
    'crash prints of it what it prints of all memory, also when a limit cuts the dump',
    { timeout: 3 * TIMEOUT_MS },
    async () => {
      const whole = await askCrash(prepared.vmcore);
      const triage = await withDump(OURS, ['--triage'], prepared.vmcore, dump => askCrash(dump));
      expect(triage).toEqual(whole);
      const limited = ['-z', '-d', '31', '-L', `${CUT_BYTES}`];
      const judgeCut = (dump: string) => {
        expect(statSync(dump).size).toBeLessThanOrEqual(CUT_BYTES);
        return askCrash(dump, ['--zero_excluded']);
      };
      const cut = await withDump(OURS, limited, prepared.vmcore, judgeCut, [1]);
      const { crash: _, ...answers } = cut;
      expect({ ...answers, crash: whole.crash }).toEqual(whole);
      expect(whole['foreach bt']!.match(/^PID: /gm)!.length).toBeGreaterThan(40);
    },
  );

  test('drgn finds the same tasks, stacks, symbols and modules', { timeout: TIMEOUT_MS }, async () => {
    const ask = async (dump: string) => ({
      stacks: await unwindWithDwarf(bench.drgn, dump, prepared.vmlinux),
      facts: isForeign ? undefined : await kernelFacts(bench.drgn, dump, prepared.vmlinux),
    });
    const whole = await ask(prepared.vmcore);
    const triage = await withDump(OURS, ['--triage'], prepared.vmcore, dump => {
      const { size, blocks } = statSync(dump);
      console.log(`${kernel}: a triage dump of ${size} bytes, ${blocks * 512} on disk`);
      expect(blocks * 512).toBeLessThan(MOST_TRIAGE_BYTES);
      return ask(dump);
    });
    expect(triage).toEqual(whole);
    expect(whole.stacks.length).toBeGreaterThan(40);
  });

  test('with the tables our own verbs answer as from all memory', { timeout: TIMEOUT_MS }, async () => {
    const whole = await askOurselves(prepared.vmcore);
    const triage = await withDump(OURS, ['--triage-tables'], prepared.vmcore, dump => {
      const { size } = statSync(dump);
      console.log(`${kernel}: with tables ${size} bytes`);
      expect(size).toBeLessThan(MOST_BYTES_WITH_TABLES);
      return askOurselves(dump);
    });
    expect(triage).toEqual(whole);
  });
});

/** The request -> what is printed. */
async function askOurselves(dump: string): Promise<Record<string, string>> {
  const answers: Record<string, string> = {};
  for (const request of VERBS) {
    const argv = [...KDUMPLING, ...request.split(' '), '--dump', dump];
    const { stdout, stderr, exitCode } = await runBounded(argv, { timeoutSeconds: 120 });
    answers[request] = stdout + stderr;
    expect(stdout, stderr).not.toBe('');
    expect(exitCode, stderr).toBe(0);
  }
  return answers;
}
