/** What the bundles leave unloaded: a start of the host command must not wait for OpenSSL. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bundle } from '../../../build/bundle.ts';
import { PROJECT } from '../../../build/paths.ts';
import { NOT_AT_CAPTURE_START, NOT_AT_START } from '../../../build/program.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kdumpling-bundle-'));
  writeFileSync(join(folder, 'package.json'), '{ "type": "commonjs" }');
  // With the FFI `dump` ends without the event `exit` (scripts/lib/cli/leave.ts).
  const hook = `
    process.dlopen = () => { throw new Error('there is no FFI'); };
    process.on('exit', () => console.error(JSON.stringify(process.moduleLoadList)));`;
  writeFileSync(join(folder, 'loaded.js'), hook);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Runs a bundle. @returns what it printed, and Node's modules that it loaded. */
function run(output: string, ...args: string[]): { stdout: string; loaded: string[] } {
  const argv = ['--require', join(folder, 'loaded.js'), output, ...args];
  const { stdout, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8' });
  const names = JSON.parse(stderr) as string[];
  return { stdout, loaded: NOT_AT_START.filter(name => names.includes(`NativeModule ${name}`)) };
}

test('the capture engine of the host command starts without them', async () => {
  const output = join(folder, 'kdumpling.js');
  const entry = join(PROJECT, 'scripts/kdumpling.ts');
  expect(await bundle({ entry, output, version: '1', loadedWhenUsed: NOT_AT_START })).toContain('node-fetch');
  const args = ['dump', '--check-params', '-z', '-d', '31', 'vmcore', 'out'];
  expect(run(output, ...args)).toEqual({ stdout: '', loaded: [] });
});

test('the capture program starts without OpenSSL, and without what processes and threads need', async () => {
  const [entry, output] = [join(folder, 'capture-entry.ts'), join(folder, 'capture.js')];
  const { pathname } = new URL('capture/pid1.ts', `file://${PROJECT}/`);
  writeFileSync(entry, `import { runAsInit } from '${pathname}'; console.log(typeof runAsInit);`);
  await bundle({ entry, output, version: '1', loadedWhenUsed: NOT_AT_CAPTURE_START });
  const { stdout, loaded } = run(output);
  expect(stdout).toBe('function\n');
  expect(loaded).not.toContain('crypto');
  expect(loaded).not.toContain('child_process');
});

test('the autopsy program, which can compress as well, starts without what that falls back on', async () => {
  const [entry, output] = [join(folder, 'scene-entry.ts'), join(folder, 'scene.js')];
  const { pathname } = new URL('capture/threads/help.ts', `file://${PROJECT}/`);
  writeFileSync(entry, `import { helpWithDump } from '${pathname}'; console.log(typeof helpWithDump);`);
  await bundle({ entry, output, version: '1', loadedWhenUsed: NOT_AT_CAPTURE_START });
  const { stdout, loaded } = run(output);
  expect(stdout).toBe('function\n');
  expect(loaded).toEqual([]);
});

/** V8 keeps the source for as long as the program runs: a byte a character, or two where one character is no Latin-1. */
test.each(['capture/main.ts', 'capture/scene/main.ts', 'capture/threads/main.ts'])(
  'the bundle of %s has no character that takes its whole text two bytes each',
  async entry => {
    const output = join(folder, 'ascii.js');
    await bundle({ entry: join(PROJECT, entry), output, version: '1' });
    const lines = readFileSync(output, 'utf8').split('\n');
    expect(lines.filter(line => /\P{ASCII}/u.test(line))).toEqual([]);
  },
);

test('functions, classes, constants and promises work, each when it is used', async () => {
  const [entry, output] = [join(folder, 'entry.ts'), join(folder, 'entry.js')];
  const source = `
    import { createHash, Hash } from 'node:crypto';
    import * as os from 'node:os';
    import { setTimeout } from 'node:timers/promises';
    import { constants, crc32 } from 'node:zlib';
    if (process.argv[2] === 'use')
      void setTimeout(1, createHash('md5') instanceof Hash).then(isHash =>
        console.log(isHash, constants.Z_BEST_SPEED, crc32('a'), typeof os.totalmem()));`;
  writeFileSync(entry, source);
  await bundle({ entry, output, version: '1', loadedWhenUsed: NOT_AT_START });
  expect(run(output)).toEqual({ stdout: '', loaded: [] });
  const used = run(output, 'use');
  expect(used.stdout).toBe('true 1 3904355907 number\n');
  expect(used.loaded.sort()).toEqual(['crypto', 'os', 'timers/promises', 'zlib']);
  await bundle({ entry, output, version: '1' });
  expect(run(output).loaded).toContain('crypto');
});
