/** A program and its code cache in a folder that others read while it is built: two crashes of the lab that start together. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { bundleWithCache } from '../../../build/cached-program.ts';
import { NODE_BINARY } from '../../../build/paths.ts';
import { codeCacheOf } from '../../../capture/program-code.ts';

let folder: string;
let entry: string;
let output: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kdumpling-cached-'));
  entry = join(folder, 'entry.ts');
  output = join(folder, 'dist', 'program.js');
});
afterEach(() => rmSync(folder, { recursive: true }));

const buildWith = (text: string, node = NODE_BINARY) => {
  writeFileSync(entry, text);
  return bundleWithCache({ node, isNative: true }, { entry, output, version: '1' });
};

test('built anew, both are there at each moment', async () => {
  await buildWith("console.log('one');");
  const [text, cache] = [readFileSync(output), readFileSync(codeCacheOf(output))];
  const files = `[ -s ${output} ] && [ -s ${codeCacheOf(output)} ]`;
  const watching = spawn('sh', ['-c', `while ${files}; do :; done; echo gone`]);
  let said = '';
  watching.stdout.on('data', data => {
    said += data;
  });
  const ended = once(watching, 'close');
  await once(watching, 'spawn');
  for (let builds = 0; builds < 3; builds++) await buildWith("console.log('one');");
  watching.kill();
  await ended;
  expect(said).toBe('');
  expect(readFileSync(output).equals(text)).toBe(true);
  expect(readFileSync(codeCacheOf(output)).equals(cache)).toBe(true);
  expect(readdirSync(join(folder, 'dist')).sort()).toEqual(['program.js', 'program.js.cache']);
});

test('the cache of another program does not stay where none is made', async () => {
  await buildWith("console.log('one');");
  await buildWith("console.log('two');", '/bin/false');
  expect(readFileSync(output, 'utf8')).toContain('two');
  expect(existsSync(codeCacheOf(output))).toBe(false);
});
