import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32 as zlibCrc32 } from 'node:zlib';
import { expect, test } from 'vitest';
import { bundle } from '../../../../build/bundle.ts';
import { NODE_BINARY, PROJECT } from '../../../../build/paths.ts';
import { NOT_AT_CAPTURE_START } from '../../../../build/program.ts';
import { crc32, crc32Of } from '../../../../capture/kdump/format/crc32.ts';

const BYTES = readFileSync(import.meta.filename);

test.each([
  ['the one at hand', crc32],
  ['where Node has none at hand', crc32Of(undefined)],
  ['where Node’s is of another kind', crc32Of((_: unknown, value: number) => value)],
])('%s is that of node:zlib', (_, of) => {
  expect(of(BYTES)).toBe(zlibCrc32(BYTES));
  expect(of(BYTES.subarray(100), of(BYTES.subarray(0, 100)))).toBe(zlibCrc32(BYTES));
  expect(of('für Zeilen')).toBe(zlibCrc32('für Zeilen'));
  expect(of(new Uint8Array(0), 7)).toBe(7);
  expect(of(new Uint8Array(BYTES).subarray(3, 9))).toBe(zlibCrc32(BYTES.subarray(3, 9)));
});

test('a program that asks for a crc32 does not load the module, as the capture has it', async () => {
  const output = join(tmpdir(), `kdumpling-crc32-${process.pid}.cjs`);
  const entry = join(PROJECT, 'capture/kdump/format/digest.ts');
  try {
    await bundle({
      entry,
      output,
      version: 'test',
      loadedWhenUsed: NOT_AT_CAPTURE_START,
      footer: `
        const digest = openDigest('crc32');
        digest.update(Buffer.from('123456789'));
        console.log(digest.finish(), process.moduleLoadList.includes('NativeModule zlib'));`,
    });
    expect(execFileSync(NODE_BINARY, [output], { encoding: 'utf8' })).toBe('cbf43926 false\n');
  } finally {
    rmSync(output, { force: true });
  }
});
