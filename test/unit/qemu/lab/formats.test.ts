import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { junit, tap } from '../../../../qemu/lab/formats.ts';
import type { CellResult } from '../../../../qemu/lab/suite.ts';

let directory: string;
let results: readonly CellResult[];
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'kdumpling-formats-'));
  writeFileSync(join(directory, 'qemu.txt'), 'qemu-system-x86_64 -m 1024\n');
  const of61 = { cell: { kernel: '6.1-cloud' }, release: '6.1.0-56-cloud-amd64' };
  results = [
    { ...of61, title: '6.1-cloud null', verdict: 'passed', reasons: [], directory, seconds: 61.04 },
    {
      ...of61,
      title: '6.1-cloud bug',
      verdict: 'failed',
      reasons: ['file(1) knows it: <data> & "more"\x1b[0m'],
      directory,
      seconds: 70,
    },
    {
      ...of61,
      title: '6.1-cloud oom',
      verdict: 'lost',
      reasons: ['it did not power off in 600 s'],
      seconds: 600,
    },
  ];
});
afterAll(() => rmSync(directory, { recursive: true }));

const prove = spawnSync('prove', ['--version']).status === 0;

test.skipIf(!prove)(
  'TAP as Perl’s prove reads it: all passed, one failed, a title with a number sign',
  () => {
    const [passed, failed] = results as readonly [CellResult, CellResult];
    const proved = (list: readonly CellResult[], interrupted = false) => {
      const file = join(directory, 'results.tap');
      writeFileSync(file, `${tap(list, interrupted)}\n`);
      const { status, stdout, stderr } = spawnSync('prove', ['--exec', 'cat', file], { encoding: 'utf8' });
      expect(`${stdout}${stderr}`).not.toContain('Parse errors');
      return { status, text: `${stdout}${stderr}` };
    };
    expect(proved([passed, { ...passed, title: '6.1-cloud a\\b # SKIP it' }]).status).toBe(0);
    const reasons = ['levels: none', 'file(1): "data"\n'];
    const skipped = proved([{ ...failed, title: '6.1-cloud # TODO', reasons }]);
    expect(skipped.status).not.toBe(0);
    expect(skipped.text).toContain('Failed test:  1');
  },
);

test('TAP: a run that was interrupted ends with that', () => {
  expect(tap(results, true).split('\n').at(-1)).toBe('Bail out! Interrupted');
});

test('TAP: a plan, a point for each crash, and why it is not ok', () => {
  expect(tap(results).split('\n')).toEqual([
    'TAP version 13',
    '1..3',
    'ok 1 - 6.1-cloud null',
    '  ---',
    '  verdict: "passed"',
    '  seconds: "61.0"',
    `  directory: ${JSON.stringify(directory)}`,
    '  ...',
    'not ok 2 - 6.1-cloud bug',
    '  ---',
    '  verdict: "failed"',
    '  seconds: "70.0"',
    `  directory: ${JSON.stringify(directory)}`,
    '  reasons:',
    '    1: "file(1) knows it: <data> & \\"more\\"\\u001b[0m"',
    '  ...',
    'not ok 3 - 6.1-cloud oom',
    '  ---',
    '  verdict: "lost"',
    '  seconds: "600.0"',
    '  reasons:',
    '    1: "it did not power off in 600 s"',
    '  ...',
  ]);
});

test('JUnit: failures and errors are counted apart, and what a reader needs is in their texts', () => {
  const text = junit(results);
  expect(text).toContain('tests="3" failures="1" errors="1" time="731.0"');
  expect(text).toContain('<testcase classname="6.1-cloud" name="6.1-cloud null" time="61.0"/>');
  expect(text).toContain('<failure message="file(1) knows it: &lt;data&gt; &amp; &quot;more&quot;?[0m">');
  expect(text).toContain('QEMU: qemu-system-x86_64 -m 1024');
  expect(text).toContain(`serial log: ${join(directory, 'serial.log')}`);
  expect(text).toContain('<error message="it did not power off in 600 s">');
});
