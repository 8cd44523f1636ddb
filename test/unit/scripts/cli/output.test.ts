/** Real processes whose standard output fails, is closed early, or is interrupted. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const COMMAND = join(import.meta.dirname, '../../../../scripts/lib/cli/command.ts');

let folder: string;
let program: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kdumpling-output-'));
  program = join(folder, 'program.ts');
  const source = `
    import { runCommand } from ${JSON.stringify(COMMAND)};
    import { writeSync } from 'node:fs';
    import { setTimeout } from 'node:timers/promises';
    await runCommand({
      name: 'many', purpose: 'Prints lines.', positionals: ['CODE'], options: {},
      async run({ positionals: [code] }, signal) {
        if (code === 'quiet') {
          const isLoaded = process.moduleLoadList.includes('NativeModule net');
          process.on('exit', () => writeSync(1, 'net is loaded: ' + isLoaded));
          return 0;
        }
        console.log('begin');
        if (code === 'wait') await setTimeout(60_000, undefined, { signal });
        for (let i = 0; i < 20_000; i++) console.log('line', i);
        console.error('finished');
        return Number(code);
      },
    });`;
  writeFileSync(program, source);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function shell(command: string, code: string) {
  const { status, stdout, stderr } = spawnSync(
    'bash',
    ['-c', command, 'bash', process.execPath, program, code],
    {
      encoding: 'utf8',
    },
  );
  return { status, stdout, stderr };
}

test('a full disk is an error, and the work is finished', () => {
  expect(shell('"$@" > /dev/full', '0')).toEqual({
    status: 1,
    stdout: '',
    stderr: 'finished\nCannot write to standard output: ENOSPC: no space left on device, write\n',
  });
});

test.each(['head -1', 'true'])(
  '%s closes the pipe: the exit code is the command’s, without a word',
  reader => {
    const { status, stderr } = shell(`"$@" | ${reader} > /dev/null; exit \${PIPESTATUS[0]}`, '3');
    expect({ status, stderr }).toEqual({ status: 3, stderr: 'finished\n' });
  },
);

test('a command that prints nothing does not load what a pipe needs', () => {
  expect(shell('"$@" 2>/dev/null | cat', 'quiet').stdout).toBe('net is loaded: false');
});

test('all lines arrive in a pipe', () => {
  expect(shell('"$@" | tail -1', '0').stdout).toBe('line 19999\n');
});

test.each(['SIGINT', 'SIGTERM', 'SIGHUP'] as const)('%s ends it with one line and 130', async signal => {
  const child = spawn(process.execPath, [program, 'wait'], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', text => {
    stderr += text;
  });
  child.stdout.once('data', () => child.kill(signal));
  const [code] = await new Promise<[number | null]>(done => child.once('close', status => done([status])));
  expect({ code, stderr }).toEqual({ code: 130, stderr: 'interrupted\n' });
});
