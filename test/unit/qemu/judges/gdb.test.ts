import { expect, test } from 'vitest';
import { parseGdb } from '../../../../qemu/judges/gdb.ts';

const WHOLE = `release: 6.1.0-56-cloud-amd64
command line: console=ttyS0 panic=30
task: 0 swapper/0
task: 1 init
tasks: 2
`;

test('gdb’s output becomes data', () => {
  expect(parseGdb(WHOLE, '')).toMatchObject({
    problems: [],
    release: '6.1.0-56-cloud-amd64',
    commandLine: 'console=ttyS0 panic=30',
    tasks: ['0 swapper/0', '1 init'],
  });
});

test.each([
  [
    'memory that is not there',
    WHOLE,
    'commands:7: Error in sourced command file:\nCannot access memory at address 0x8',
  ],
  ['no symbols', WHOLE, 'No symbol "init_uts_ns" in current context.'],
  ['no release', WHOLE.replace(/^release.*\n/m, ''), ''],
  ['no command line', WHOLE.replace(/^command line: .*/m, 'command line: '), ''],
  ['a walk that stopped', WHOLE.replace('tasks: 2\n', ''), ''],
  ['a walk that lost a task', WHOLE.replace('task: 1 init\n', ''), ''],
])('a problem: %s', (_, stdout, stderr) => {
  expect(parseGdb(stdout, stderr).problems).not.toEqual([]);
});
