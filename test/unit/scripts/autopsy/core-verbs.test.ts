/** `ps`, `sym` and `struct` on the dump of a small kernel: what they print, their JSON, and what they refuse. */
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runCommand } from '../../../../scripts/lib/cli/command.ts';
import { DOCUMENTS } from '../../../../scripts/lib/schema/documents.ts';
import { findVerb, VERBS } from '../../../../scripts/verb-table.ts';
import { crashedKernel, MODULE_TEXT } from '../../../support/crashed-kernel.ts';
import { misfits, placesOf } from '../../../support/json-schema.ts';
import { recordOutput } from '../../../support/recorded-output.ts';

const output = recordOutput();
const kernel = crashedKernel();
let folder: string;
let dump: string;
let withoutTypes: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kdumpling-autopsy-'));
  dump = join(folder, 'vmcore');
  writeFileSync(dump, kernel.build());
  withoutTypes = join(folder, 'vmcore-cut');
  writeFileSync(withoutTypes, crashedKernel().build(['SYMBOL(kallsyms_names)']));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function said(verb: string, args: readonly string[], path = dump): Promise<string[]> {
  output.said = [];
  process.exitCode = undefined;
  await runCommand(await VERBS[verb]!(), ['--dump', path, ...args]);
  return output.said;
}

const hex = (address: bigint) => address.toString(16);
const task70 = () => hex(kernel.at['task 70']!);

describe('ps', () => {
  test.each([
    [[], ['swapper/0', 'swapper/1', 'init', 'kthreadd', 'kworker/0:1', 'sh', 'sh-worker', 'gone']],
    [
      ['70', 'init'],
      ['init', 'sh'],
    ],
    [['-u'], ['init', 'sh', 'sh-worker', 'gone']],
    [['-k'], ['swapper/0', 'swapper/1', 'kthreadd', 'kworker/0:1']],
    [
      ['-u', '-G'],
      ['init', 'sh', 'gone'],
    ],
  ])('%j shows %j', async (args, names) => {
    const [head, ...lines] = await said('ps', args);
    expect(head).toMatch(/^ +PID +PPID +CPU +TASK +ST +%MEM +VSZ +RSS +COMM$/);
    expect(lines.map(line => line.split(/ +/).at(-1)!.replace(/[[\]]/g, ''))).toEqual(names);
    expect(process.exitCode).toBe(0);
  });

  test('by the address of a task', async () => {
    expect((await said('ps', [task70()]))[1]).toMatch(/^> +70 .* sh$/);
  });

  test.each([
    [['nobody'], 2, /^Cannot find the task nobody: none of 8 tasks/],
    [['-u', '-k'], 2, /both --user and --kernel/],
    [['crash/nosuch'], 2, /^Cannot find the task crash\/nosuch: .*If it is a dump, name it with --dump$/],
  ])('%j is refused', async (args, code, words) => {
    expect(await said('ps', args)).toEqual([expect.stringMatching(words)]);
    expect(process.exitCode).toBe(code);
  });
});

describe('the dump as an argument', () => {
  test.each([
    ['ps', [], /^ +PID +PPID/],
    // This kernel has no ORC tables.
    ['bt', ['--active'], /^Cannot unwind stacks/],
    ['files', ['1'], /^PID: 1 /],
    ['sym', ['init_task'], /^ffffffff[0-9a-f]{8} \(.\) init_task$/],
    ['struct', ['rq'], /^struct rq \{$/],
    ['mod', [], /^MODULE +NAME/],
    ['mem', ['--zones'], /^NODE +ZONE|^warning/],
    ['mounts', [], /^MOUNT|^Cannot|^warning/],
    ['locks', [], /^No task|PID/],
    ['log', ['--json'], /^\{/],
  ])('%s DUMP %j prints what it prints with --dump', async (verb, args, first) => {
    const asOption = await said(verb, args);
    expect(asOption[0]).toMatch(first);
    output.said = [];
    await runCommand(await VERBS[verb]!(), [dump, ...args]);
    expect(output.said).toEqual(asOption);
  });

  test.each(['ps', 'bt', 'files', 'sym', 'struct', 'mod', 'mem', 'mounts', 'locks', 'log'])(
    '%s refuses two of them',
    async verb => {
      expect(await said(verb, [withoutTypes])).toEqual([
        `Cannot choose the dump: 2 are given: ${dump}, ${withoutTypes}; expected one`,
      ]);
      expect(process.exitCode).toBe(2);
    },
  );
});

test('kmem DUMP -i is the summary, as in crash', async () => {
  const asked = await said('mem', ['--meminfo']);
  output.said = [];
  await runCommand(await findVerb('kdumpling', 'kmem')!(), [dump, '-i']);
  expect(output.said).toEqual(asked);
});

describe('sym', () => {
  test.each([
    ['schedule', ['ffffffff81010100 (T) schedule', `${hex(MODULE_TEXT + 0x200n)} (t) schedule [zram]`]],
    ['schedule+0x19', ['ffffffff81010119 (T) schedule+0x19']],
    ['0xffffffff81010203', ['ffffffff81010203 (T) panic+0x3']],
    [hex(MODULE_TEXT + 0x101n), [`${hex(MODULE_TEXT + 0x101n)} (t) zram_read+0x1 [zram]`]],
  ])('%s', async (word, lines) => {
    expect(await said('sym', [word])).toEqual(lines);
  });

  test.each([
    [['nothing'], /^Cannot find nothing: the crashed kernel has no symbol of that name/],
    [['1000'], /outside of the kernel/],
    [[], /no symbol is given; expected an address or the name/],
  ])('%j is refused', async (words, message) => {
    expect(await said('sym', words)).toEqual([expect.stringMatching(message)]);
    expect(process.exitCode).toBe(2);
  });
});

describe('struct', () => {
  test('offsets', async () => {
    expect(await said('struct', ['rq'])).toEqual([
      'struct rq {',
      '   [8] void *curr;',
      '  [16] void *idle;',
      '  [24] unsigned int nr_running;',
      '}',
      'SIZE: 32',
    ]);
    expect(await said('struct', ['odd'])).toEqual([
      'struct odd {',
      '      union {',
      '  [0]     unsigned int low:3;',
      '      };',
      '  [4] unsigned int flag:1;',
      '  [8] unsigned int tail;',
      '}',
      'SIZE: 12',
    ]);
  });

  test('values at an address: numbers, text, pointers with their symbols', async () => {
    const lines = await said('struct', ['task_struct', task70()]);
    expect(lines).toContain('   [40] int pid = 70;');
    expect(lines).toContain('  [160] char comm[16] = "sh";');
    expect(lines).toContainEqual(expect.stringMatching(/struct thread_info thread_info = \{cpu = 0\};/));
    expect(await said('struct', ['list_head', 'modules'])).toContainEqual(
      expect.stringMatching(/void \*next = 0xff11[0-9a-f]{12};/),
    );
    expect(await said('struct', ['task_struct.real_parent', hex(kernel.at['task 2']!)])).toEqual([
      '[56] void *real_parent = 0xffffffff81180040 <init_task>;'.replace(
        '0xffffffff81180040',
        `0x${hex(kernel.at.init_task!)}`,
      ),
    ]);
  });

  test('several members, as crash takes them', async () => {
    expect(await said('struct', ['task_struct.pid,comm,thread_info,tasks', task70()])).toEqual([
      '[40] int pid = 70;',
      '[160] char comm[16] = "sh";',
      '[0] struct thread_info thread_info = {cpu = 0};',
      expect.stringMatching(/^\[24\] struct list_head tasks = \{next = 0x[0-9a-f]+( <.*>)?, prev = 0x/),
    ]);
    expect(await said('struct', ['task_struct.pid,comm'])).toEqual(['[40] int pid;', '[160] char comm[16];']);
  });

  test('-x: numbers in hexadecimal, -o: as without it', async () => {
    const lines = await said('struct', ['-ox', 'task_struct.pid,thread_info,comm', task70()]);
    expect(lines).toEqual([
      '[40] int pid = 0x46;',
      '[0] struct thread_info thread_info = {cpu = 0x0};',
      '[160] char comm[16] = "sh";',
    ]);
  });

  test('a per-CPU variable of one CPU', async () => {
    const [first, second] = [
      await said('struct', ['rq.curr,idle', 'runqueues:0']),
      await said('struct', ['rq.curr,idle', 'runqueues:1']),
    ];
    expect(first[0]).toBe(`[8] void *curr = 0x${task70()};`);
    expect(second[0]).toMatch(/^\[8\] void \*curr = 0xff11[0-9a-f]{12};$/);
    expect(second[0]).not.toBe(first[0]);
  });

  test('a type of a module', async () => {
    expect(await said('struct', ['zram'])).toContain('  [8] long unsigned int pages;');
  });

  test.each([
    [['nothing'], 1, /^Cannot find the type nothing/],
    [['rq.nothing'], 1, /rq has no member nothing/],
    [['rq', '10'], 1, /^Cannot read rq: its address is not mapped/],
    [['rq', '10', '20'], 2, /it has 3 arguments beside the dump/],
    [[], 2, /no type is given; expected the name of a type/],
    [['rq.curr,nothing'], 1, /rq has no member nothing/],
    [
      ['rq', 'runqueues'],
      2,
      /^Cannot show what is at runqueues: it is a per-CPU variable; expected .* runqueues:0$/,
    ],
    [['rq', 'runqueues:2'], 1, /CPU 2: the crashed machine had no such CPU/],
    [['rq', 'nothing:0'], 2, /no symbol of that name/],
  ])('%j is refused', async (words, code, message) => {
    expect(await said('struct', words)).toEqual([expect.stringMatching(message)]);
    expect(process.exitCode).toBe(code);
  });
});

describe('--json', () => {
  test.each([
    ['ps', [['--json']]],
    ['sym', [['--json', 'schedule', 'zram_read', hex(MODULE_TEXT + 0x101n)]]],
    [
      'struct',
      [
        ['--json', 'odd', hex(kernel.at.modules!)],
        ['--json', 'rq.curr'],
        ['--json', 'rq.curr,idle', 'runqueues:1'],
      ],
    ],
  ])('%s prints what is documented, and all that is documented', async (verb, calls) => {
    const seen = new Set<string>();
    for (const args of calls) {
      const [text, ...more] = await said(verb, args);
      expect(more).toEqual([]);
      const document = JSON.parse(text!);
      expect(misfits(DOCUMENTS[verb]!, document, seen)).toEqual([]);
      expect(document).toMatchObject({ format: 1, dump: 'vmcore', release: '6.1.0-test', missing: [] });
    }
    const unseen = placesOf(DOCUMENTS[verb]!).filter(
      place => !seen.has(place) && !/\.missing\[\]/.test(place),
    );
    expect(unseen).toEqual([]);
  });

  test('what is missing is in it, and on standard error', async () => {
    const [text, ...warnings] = await said('ps', ['--json'], withoutTypes);
    const { missing, tasks } = JSON.parse(text!);
    expect(missing.length).toBeGreaterThan(0);
    expect(tasks).toEqual([]);
    expect(warnings).toEqual(missing.map((sentence: string) => `warning: ${sentence}`));
  });
});

test('of an incomplete dump, that is the first thing that is said', async () => {
  const directory = join(folder, '20261128T000001Z');
  mkdirSync(directory);
  copyFileSync(withoutTypes, join(directory, 'vmcore-incomplete'));
  const [, first, ...more] = await said('ps', [], directory);
  expect(first).toBe('warning: the dump is incomplete: the machine stopped while it was written');
  expect(more.length).toBeGreaterThan(0);
});

test('a dump with a log and no memory says what to do', async () => {
  const directory = join(folder, '20261128T000000Z');
  mkdirSync(directory);
  writeFileSync(join(directory, 'vmcore-dmesg.txt'), 'a log\n');
  expect(await said('ps', [], directory)).toEqual([
    expect.stringContaining('Read its report: kdumpling report 20261128T000000Z'),
  ]);
  expect(process.exitCode).toBe(1);
});
