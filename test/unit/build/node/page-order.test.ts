/** Node with the pages that a capture touches first in its file: it is the same program at the same addresses. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { orderPages } from '../../../../build/node/page-order.ts';
import {
  buildIdOf,
  encodeProfile,
  type PageRun,
  pagesIn,
  profileOf,
} from '../../../../build/node/page-profile.ts';
import { platformNamed } from '../../../../build/parts/platform.ts';
import { NODE_BINARY } from '../../../../build/paths.ts';

const PAGE = 4096;
const PT_LOAD = 1;
const TOUCHED: readonly PageRun[] = [
  { firstPage: 7, pages: 3 },
  { firstPage: 500, pages: 1 },
  { firstPage: 900, pages: 700 },
];

let directory: string;
let node: Buffer;
let ordered: Buffer;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'kdumpling-order-'));
  node = readFileSync(NODE_BINARY);
  ordered = orderPages(node, TOUCHED, PAGE);
  writeFileSync(join(directory, 'node'), ordered, { mode: 0o755 });
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function run(...argv: string[]): string {
  return execFileSync(platformNamed().loader, [join(directory, 'node'), ...argv], { encoding: 'utf8' });
}

interface Load {
  readonly type: number;
  readonly offset: number;
  readonly address: number;
  readonly fileBytes: number;
  readonly memoryBytes: number;
}

function headersOf(file: Buffer): Load[] {
  const table = Number(file.readBigUInt64LE(0x20));
  return Array.from({ length: file.readUInt16LE(0x38) }, (_, index) => {
    const at = table + 56 * index;
    const word = (offset: number) => Number(file.readBigUInt64LE(at + offset));
    return {
      type: file.readUInt32LE(at),
      offset: word(8),
      address: word(16),
      fileBytes: word(32),
      memoryBytes: word(40),
    };
  });
}

const loadsOf = (file: Buffer) => headersOf(file).filter(({ type }) => type === PT_LOAD);

/** What the kernel or the loader puts there. */
function bytesAt(file: Buffer, address: number, count: number): Buffer {
  const load = loadsOf(file).find(one => one.address <= address && address < one.address + one.fileBytes);
  return load
    ? file.subarray(load.offset + address - load.address).subarray(0, count)
    : Buffer.from('not mapped');
}

test('every page is at its address', () => {
  for (const { address, fileBytes } of loadsOf(node)) {
    // The header in the first page is the file's own.
    const start =
      address % PAGE === 0 && bytesAt(node, address, 4).toString('latin1') === '\x7fELF' ? PAGE : 0;
    for (let at = start; at < fileBytes; at += PAGE - ((address + at) % PAGE)) {
      const count = Math.min(PAGE - ((address + at) % PAGE), fileBytes - at);
      if (!bytesAt(ordered, address + at, count).equals(bytesAt(node, address + at, count)))
        expect.fail(`the page at 0x${(address + at).toString(16)} differs`);
    }
  }
});

test('the pages that are touched come first, behind the header', () => {
  const [first] = TOUCHED;
  const at = ordered.indexOf(node.subarray(first!.firstPage * PAGE, (first!.firstPage + 3) * PAGE));
  expect(at % PAGE).toBe(0);
  const pages = TOUCHED.reduce((sum, run) => sum + run.pages, 0);
  const last = TOUCHED.at(-1)!;
  const lastAt = ordered.indexOf(node.subarray((last.firstPage + 600) * PAGE, (last.firstPage + 601) * PAGE));
  expect(lastAt).toBeLessThan(at + pages * PAGE);
});

test('all that is zero at the start stays behind the last segment', () => {
  const zeros = (file: Buffer) =>
    loadsOf(file).reduce((sum, { fileBytes, memoryBytes }) => sum + memoryBytes - fileBytes, 0);
  expect(zeros(ordered)).toBe(zeros(node));
});

test('it runs, with threads', () => {
  const program = `const { Worker } = require('worker_threads');
    new Worker('console.log([3, 1, 2].sort().join())', { eval: true }).on('exit', code => console.log(code, process.version))`;
  expect(run('-e', program)).toBe(
    `1,2,3\n0 ${execFileSync(NODE_BINARY, ['--version'], { encoding: 'utf8' })}`,
  );
});

describe('the profile', () => {
  // A machine of another architecture cannot look into its kernels' pages, which may be larger.
  test.runIf(process.arch === 'x64')('is there for the Node that package.json names', () => {
    expect(
      profileOf(NODE_BINARY)?.usual.length,
      `npm run profile; the build id is ${buildIdOf(NODE_BINARY)}`,
    ).toBeGreaterThan(100);
  });

  test('of another build of Node is not taken', () => {
    const other = Buffer.from(node.subarray(0, PAGE));
    const id = Buffer.from(buildIdOf(NODE_BINARY)!, 'hex');
    other[other.indexOf(id)]! ^= 1;
    const file = join(directory, 'other');
    writeFileSync(file, other);
    expect(buildIdOf(file)).toMatch(/^[0-9a-f]{40}$/);
    expect(profileOf(file)).toBeUndefined();
    writeFileSync(file, Buffer.alloc(PAGE));
    expect(profileOf(file)).toBeUndefined();
  });

  test('is read as it was written', () => {
    const pages = new Set([9, 3, 4, 5, 100]);
    const text = encodeProfile(pages, ['who made it']);
    expect(text).toBe('# who made it\n3 3\n9\n100\n');
    expect(pagesIn(text)).toEqual(pages);
  });
});

describe('refused: a binary', () => {
  test.each<[string, (file: Buffer) => void]>([
    ['that is no ELF file', file => file.fill(0, 0, 4)],
    ['of 32 bits', file => file.fill(1, 4, 5)],
    ['with program headers of another size', file => file.writeUInt16LE(32, 0x36)],
  ])('%s', (_, damage) => {
    const file = Buffer.from(node);
    damage(file);
    expect(() => orderPages(file, TOUCHED, PAGE)).toThrow(
      /Cannot put the pages of Node that a capture touches together: the binary has/,
    );
  });
});
