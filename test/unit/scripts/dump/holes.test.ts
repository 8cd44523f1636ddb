/** A vmcore with holes in its file: the same dump as of one without, whatever takes its pages. */
import {
  closeSync,
  ftruncateSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { Holes } from '../../../../capture/vmcore/holes.ts';
import { runCommand } from '../../../../scripts/lib/cli/command.ts';
import { dump } from '../../../../scripts/verbs/dump.ts';
import { buildVmcore } from '../../../support/vmcore-builder.ts';

const PAGE = 4096;
const PAGES = 4000;

/** Runs of zeros from one page to 600, of which some begin and end within a block of the file. */
function page(pfn: number): Buffer {
  if (pfn % 900 < 600 || pfn % 11 === 0) return Buffer.alloc(PAGE);
  return Buffer.alloc(PAGE, `page ${pfn}. `);
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kdumpling-holes-'));
  const memory = Buffer.concat(Array.from({ length: PAGES }, (_, pfn) => page(pfn)));
  const bytes = buildVmcore({
    loads: [
      { paddr: 0x10_0000, bytes: memory.subarray(0, PAGE * 2500 + 100) },
      { paddr: 0x1000_0000, bytes: memory.subarray(PAGE * 2500) },
    ],
  });
  writeFileSync(join(folder, 'whole'), bytes);
  writeWithHoles(join(folder, 'sparse'), bytes);
  expect(readFileSync(join(folder, 'sparse')).equals(Buffer.from(bytes))).toBe(true);
  const { blocks, size } = statSync(join(folder, 'sparse'));
  expect(blocks * 512).toBeLessThan(size / 2);
  vi.spyOn(console, 'error').mockImplementation(() => {});
  vi.spyOn(process.stdout, 'write').mockImplementation(() => true);
});
afterAll(() => rmSync(folder, { recursive: true }));

function writeWithHoles(path: string, bytes: Uint8Array): void {
  const fd = openSync(path, 'w');
  ftruncateSync(fd, bytes.length);
  for (let at = 0; at < bytes.length; at += PAGE) {
    const block = bytes.subarray(at, at + PAGE);
    if (block.some(byte => byte !== 0)) writeSync(fd, block, 0, block.length, at);
  }
  closeSync(fd);
}

async function dumpOf(name: string, flags: readonly string[]): Promise<Buffer> {
  const out = join(folder, 'out');
  process.exitCode = undefined;
  await runCommand(dump, ['-f', ...flags, join(folder, name), out]);
  process.exitCode = undefined;
  return readFileSync(out);
}

test.each([
  ['-l', '-d1'],
  ['-l', '-d0'],
  ['-l', '-d1', '--num-threads', '3'],
  ['-l', '-d0', '--num-threads', '3'],
  ['-E', '-d1'],
  ['-d1', '--size-limit', '400k'],
  ['-d0', '--size-limit', '400k'],
])('%s %s %s %s', async (...flags) => {
  const given = flags.filter(Boolean);
  const whole = await dumpOf('whole', given);
  const found = vi.spyOn(Holes.prototype, 'bytesAt');
  expect((await dumpOf('sparse', given)).equals(whole)).toBe(true);
  expect(found.mock.results.some(({ value }) => value > 0)).toBe(true);
  found.mockRestore();
});
