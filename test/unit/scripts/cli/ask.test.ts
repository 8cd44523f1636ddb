/** A question at a real terminal, which script(1) of util-linux makes. */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';

const CLI = join(import.meta.dirname, '../../../../scripts/lib/cli');

let folder: string;
let program: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kdumpling-ask-'));
  program = join(folder, 'program.ts');
  const source = `
    import { ask } from '${CLI}/ask.ts';
    import { runCommand } from '${CLI}/command.ts';
    await runCommand({
      name: 'asks', purpose: 'Asks.', options: {},
      async run(given, signal) {
        const answer = await ask('Go on?', 'yes', { option: 'yes', signal });
        console.log('answer', String(answer));
        return answer ? 0 : 1;
      },
    });`;
  writeFileSync(program, source);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function answer(keys: string): Promise<{ code: number | null; text: string }> {
  const command = `'${process.execPath}' --no-warnings '${program}'`;
  const child = spawn('script', ['-qec', command, '/dev/null'], { stdio: ['pipe', 'pipe', 'inherit'] });
  let text = '';
  let isAsked = false;
  child.stdout.setEncoding('utf8').on('data', piece => {
    text += piece;
    if (isAsked || !text.includes('Go on?')) return;
    isAsked = true;
    child.stdin.write(keys);
  });
  const code = await new Promise<number | null>(done => child.once('close', done));
  return { code, text };
}

test.each([
  ['yes\r', 0, /answer true/],
  ['no\r', 1, /answer false/],
  ['\x04', 1, /answer false/],
  ['\x03', 130, /interrupted/],
] as const)('%j ends with %i', async (keys, code, words) => {
  const result = await answer(keys);
  expect(result.code).toBe(code);
  expect(result.text).toMatch(words);
  expect(result.text).not.toMatch(/ at |Error/);
});

test('without a terminal nobody is asked', () => {
  const { status, stderr } = spawnSync(process.execPath, ['--no-warnings', program], {
    input: 'yes\n',
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({
    status: 2,
    stderr:
      'Cannot ask for confirmation: standard input is not a terminal. To go on without a question, give --yes\n',
  });
});
