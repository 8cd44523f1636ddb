/** Output files: holes for zeros, and errors of the device that they are written to. */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runCommand } from '../../../../scripts/lib/cli/command.ts';
import { openSparseSink } from '../../../../scripts/lib/dump/sparse.ts';
import { dump } from '../../../../scripts/verbs/dump.ts';
import { Random } from '../../../support/random.ts';
import { recordOutput } from '../../../support/recorded-output.ts';
import { buildVmcore } from '../../../support/vmcore-builder.ts';

let folder: string;
const output = recordOutput();
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kdumpling-sparse-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

async function run(...argv: string[]): Promise<number> {
  await runCommand(dump, argv);
  return process.exitCode as number;
}

/** As `du` counts them. */
function bytesOnDisk(path: string): number {
  return Number(execFileSync('du', ['-B1', path], { encoding: 'utf8' }).split('\t')[0]);
}

describe('pages far apart', () => {
  const TOP = 2 ** 40;
  test.each([
    ['kdump-compressed', ['-z', '-d1']],
    ['uncompressed', ['-d0']],
    ['split', ['--split', '-l']],
  ])('%s: the bitmaps take no space on the disk', async (kind, flags) => {
    const vmcore = join(folder, 'vmcore');
    const noise = new Random(1).bytes(4096);
    writeFileSync(vmcore, buildVmcore({ loads: [0, TOP].map(paddr => ({ paddr, bytes: noise })) }));
    const outputs = (kind === 'split' ? ['a', 'b'] : ['a']).map(name => join(folder, name));
    expect(await run(...flags, vmcore, ...outputs)).toBe(0);
    const bitmapsBytes = 2 * (TOP / 4096 / 8);
    for (const path of outputs) {
      expect(statSync(path).size).toBeGreaterThan(bitmapsBytes);
      expect(bytesOnDisk(path)).toBeLessThan(1 << 20);
    }
    if (kind !== 'split') return;
    const whole = join(folder, 'whole');
    expect(await run('--reassemble', ...outputs, whole)).toBe(0);
    expect(bytesOnDisk(whole)).toBeLessThan(1 << 20);
  });
});

describe('the bytes are those of a sink without holes', () => {
  test.each([1, 2, 3, 4, 5])('for random writes, seed %i', seed => {
    const random = new Random(seed);
    const sizeBytes = 1 << 20;
    const expected = Buffer.alloc(sizeBytes);
    const path = join(folder, 'file');
    const fd = openSync(path, 'w+');
    const file = {
      writeAt: (bytes: Uint8Array, offset: number) => void writeSync(fd, bytes, 0, bytes.length, offset),
      sync: () => {},
    };
    const sink = openSparseSink(file, fd);
    let end = 0;
    for (let i = 0; i < 40; i++) {
      const offset = random.below(sizeBytes);
      const lengthBytes = random.below(sizeBytes - offset);
      const bytes = Buffer.alloc(lengthBytes);
      if (random.below(3) === 0) random.bytes(lengthBytes).copy(bytes);
      if (random.below(3) === 0 && lengthBytes > 0) bytes[random.below(lengthBytes)] = 1;
      sink.writeAt(bytes, offset);
      bytes.copy(expected, offset);
      end = Math.max(end, offset + lengthBytes);
    }
    sink.finish();
    closeSync(fd);
    expect(readFileSync(path).equals(expected.subarray(0, end))).toBe(true);
  });

  test('a file that ends with zeros has its length', () => {
    const path = join(folder, 'file');
    const fd = openSync(path, 'w+');
    const sink = openSparseSink({ writeAt: () => {}, sync: () => {} }, fd);
    sink.writeAt(new Uint8Array(200_000), 65_536);
    sink.finish();
    closeSync(fd);
    expect(statSync(path).size).toBe(265_536);
  });
});

test('the old content of a file that is overwritten does not show through holes', async () => {
  const [vmcore, out, fresh] = ['vmcore', 'out', 'fresh'].map(name => join(folder, name));
  writeFileSync(
    vmcore,
    buildVmcore({ loads: [0, 2 ** 36].map(paddr => ({ paddr, bytes: Buffer.alloc(4096, 7) })) }),
  );
  writeFileSync(out, Buffer.alloc(1 << 20, 0xff));
  expect(await run('-f', vmcore, out)).toBe(0);
  expect(await run(vmcore, fresh)).toBe(0);
  expect(readFileSync(out).equals(readFileSync(fresh))).toBe(true);
  truncateSync(out, 0);
});

describe('a full device', () => {
  test.each([[['-z']], [['-E']], [['-f', '-d1']]])('as output, with %j', async flags => {
    const vmcore = join(folder, 'vmcore');
    writeFileSync(vmcore, buildVmcore({ loads: [{ paddr: 0, bytes: Buffer.alloc(8192, 7) }] }));
    expect(await run('-f', ...flags, vmcore, '/dev/full')).toBe(1);
    expect(output.said.join('')).toContain('Cannot write the dump: ENOSPC');
  });
});
