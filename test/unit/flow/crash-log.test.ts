import { expect, test } from 'vitest';
import { logLines, showLogOnConsole } from '../../../capture/flow/crash-log.ts';
import { openCrash } from '../../../capture/kernel/crash.ts';
import { PanicFinder } from '../../../capture/kernel/panic-line.ts';
import { openLog } from '../../../capture/log.ts';
import { cutConsoleLog } from '../../../capture/storage/place/console-log.ts';
import { fakeSystem } from '../../support/fake-system.ts';
import { KernelBuilder, type KernelSpec } from '../../support/kernel-builder.ts';
import { MemorySource } from '../../support/vmcore-builder.ts';

const PANIC = 'Kernel panic - not syncing: test';
const RECORDS = [{ text: 'one' }, { text: PANIC }];

const crashOf = (spec: KernelSpec) => openCrash(new MemorySource(new KernelBuilder(spec).build()));

function open() {
  let shown = '';
  const log = openLog(
    line => {
      shown += line;
    },
    () => 7,
  );
  return { log, shown: () => shown };
}

test('the lines, and the reason among them', () => {
  const { log } = open();
  const finder = new PanicFinder();
  const lines = [...logLines(crashOf({ records: RECORDS }), log, finder)];
  expect(lines.map(line => line.trimEnd().slice(15))).toEqual(['one', PANIC]);
  expect(finder.reason).toBe(PANIC);
  expect(log.warnings).toEqual([]);
});

test('damage in the log is a warning, after the lines that can be read', () => {
  const { log } = open();
  const crash = crashOf({ records: [{ text: 'one' }, { text: 'two', lpos: [64n, 64n] }] });
  expect([...logLines(crash, log, new PanicFinder())].map(line => line.trimEnd().slice(15))).toEqual(['one']);
  expect(log.warnings).toEqual([expect.stringMatching(/^dmesg: /)]);
});

const untranslatable = () =>
  crashOf({ records: RECORDS, vmcoreinfo: { 'SYMBOL(swapper_pg_dir)': undefined } });

test('memory that cannot be translated is an error', () => {
  const { log } = open();
  expect(() => [...logLines(untranslatable(), log, new PanicFinder())]).toThrow(
    "Cannot read the crashed kernel's log: its virtual addresses cannot be translated",
  );
});

test('on the console, whole by its end mark', () => {
  const { log, shown } = open();
  const system = fakeSystem();
  showLogOnConsole(crashOf({ records: RECORDS }), log, system);
  const cut = cutConsoleLog(shown())!;
  expect(cut.whole).toBe(true);
  expect(cut.lines.map(line => line.slice(15))).toEqual(['one', PANIC]);
  expect(system.calls).toEqual(['quietKernel']);
});

test('on the console, where it cannot be read: its end is marked all the same', () => {
  const { log, shown } = open();
  showLogOnConsole(untranslatable(), log, fakeSystem(['quietKernel']));
  expect(cutConsoleLog(shown())).toEqual({ lines: [], whole: true });
  expect(log.warnings).toHaveLength(2);
});
