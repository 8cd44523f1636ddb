/** The stack of a saved autopsy against the one in the log that was saved beside it. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { stackAsPrinted } from '../../../../qemu/expect/printed-stack.ts';

const LOG = join(import.meta.dirname, '../../scripts/report/logs/6.1-null-pointer.txt');
/** As the kernel printed them in that log, innermost first. */
const PRINTED = [
  'labcrash_null+0xf [labcrash]',
  'labcrash_init+0x22 [labcrash]',
  'do_one_initcall+0x59',
  'do_init_module+0x4a',
  '__do_sys_finit_module+0xac',
  'do_syscall_64+0x5d',
  'entry_SYSCALL_64_after_hwframe+0x6e',
];

let dump: string;
beforeEach(() => {
  dump = mkdtempSync(join(tmpdir(), 'kdumpling-dump-'));
});
afterEach(() => rmSync(dump, { recursive: true }));

function saveAutopsy(frames: readonly string[]): void {
  const stack = frames.map((text, i) => {
    const [, name, offset, module] = /^(\w+)\+(\w+)(?: \[(\w+)\])?$/.exec(text)!;
    return {
      address: `0x${(0x1000 + i).toString(16)}`,
      name,
      offset,
      size: '0x400',
      ...(module && { module }),
    };
  });
  const gone = { missing: 'not here' };
  const crash = { cpu: 1, task: { pid: 91, comm: 'insmod' }, registers: {}, stack };
  const others = ['cpus', 'stacks', 'waits', 'modules', 'taints', 'memory', 'meminfo', 'log'];
  const autopsy = { format: 1, kernel: {}, crash, ...Object.fromEntries(others.map(name => [name, gone])) };
  writeFileSync(join(dump, 'autopsy.json'), JSON.stringify(autopsy));
}

test('the log that was saved is compared, which no serial line cut', () => {
  cpSync(LOG, join(dump, 'vmcore-dmesg.txt'));
  saveAutopsy(['machine_kexec+0x1bf', ...PRINTED]);
  expect(stackAsPrinted({ dumps: [dump] })).toMatchObject([{ holds: true, saw: '7 frames, all equal' }]);
});

test('a frame that differs is named', () => {
  cpSync(LOG, join(dump, 'vmcore-dmesg.txt'));
  saveAutopsy(PRINTED.with(2, 'other+0x1'));
  const saw = 'do_one_initcall+0x59 was printed, other+0x1 read';
  expect(stackAsPrinted({ dumps: [dump] })).toMatchObject([{ holds: false, saw }]);
});

test('nothing is compared where there is no autopsy or no log', () => {
  expect(stackAsPrinted({ dumps: [] })).toEqual([]);
  saveAutopsy(PRINTED);
  expect(stackAsPrinted({ dumps: [dump] })).toEqual([]);
});
