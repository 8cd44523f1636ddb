/** `kdumpling dump` of input that lacks pages: the output is marked incomplete, the exit code is 1, the lack is named. */
import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runCommand } from '../../../../scripts/lib/cli/command.ts';
import { dump } from '../../../../scripts/verbs/dump.ts';
import { verify } from '../../../../scripts/verbs/verify.ts';
import { openKdump } from '../../../support/kdump-reader.ts';
import { Random } from '../../../support/random.ts';
import { recordOutput } from '../../../support/recorded-output.ts';
import { buildVmcore } from '../../../support/vmcore-builder.ts';

const PAGE = 4096;
const INCOMPLETE = 8;
const page = (pfn: number) => Buffer.alloc(PAGE, pfn % 8 === 3 ? 0 : `page ${pfn} of the machine. `);
const pages = (start: number, end: number) =>
  Buffer.concat(Array.from({ length: end - start }, (_, i) => page(start + i)));

let folder: string;
let vmcore: string;
let out: string;
const output = recordOutput();
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kdumpling-incomplete-'));
  [vmcore, out] = [join(folder, 'vmcore'), join(folder, 'out')];
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

async function run(...argv: string[]): Promise<string> {
  output.said = [];
  process.exitCode = undefined;
  await runCommand(dump, argv);
  return `${process.exitCode}: ${output.said.join('\n')}`;
}

async function verdict(path: string): Promise<string> {
  output.said = [];
  process.exitCode = undefined;
  await runCommand(verify, [path]);
  return `${process.exitCode}: ${output.said.join('\n')}`;
}

/** 32 pages in two segments; the second one's last bytes are the file's last. */
function writeVmcore(): number {
  const bytes = buildVmcore({
    loads: [
      { paddr: 0, bytes: pages(0, 16) },
      { paddr: 64 * PAGE, bytes: pages(64, 80) },
    ],
  });
  writeFileSync(vmcore, bytes);
  return bytes.length;
}

describe('a vmcore that is cut', () => {
  test.each([
    ['between two pages', 4 * PAGE, 4, '76 to 79'],
    ['within a page', 4 * PAGE + 100, 5, '75 to 79'],
    ['within its last byte', 1, 1, '79 to 79'],
    ['before its second segment', 16 * PAGE, 16, '64 to 79'],
    ['within its first segment', 20 * PAGE, 20, '12 to 15, 64 to 79'],
  ])('%s', async (_, lessBytes, lacking, listed) => {
    const sizeBytes = writeVmcore();
    truncateSync(vmcore, sizeBytes - lessBytes);
    const outcome = await run('-z', '-d', '1', vmcore, out);
    expect(outcome).toMatch(/^1: /);
    expect(outcome).toContain(`lacks ${lacking} page`);
    expect(outcome).toContain(`page frames ${listed})`);
    expect(outcome).toContain(`${out} is marked incomplete`);
    const file = openKdump(readFileSync(out));
    expect(file.header.status & INCOMPLETE).toBe(INCOMPLETE);
    for (const pfn of [...Array(16).keys(), ...Array.from({ length: 16 }, (_, i) => 64 + i)]) {
      const read = file.readPage(pfn);
      if (typeof read !== 'string') expect(read, `page ${pfn}`).toEqual(page(pfn));
    }
    expect(file.readPage(79)).toBe('excluded');
    expect(await verdict(out)).toMatch(/^1: .*marked incomplete.*\n.*INCOMPLETE$/);
  });

  test('as an ELF core', async () => {
    truncateSync(vmcore, writeVmcore() - 4 * PAGE - 1);
    expect(await run('-E', vmcore, out)).toMatch(/^1: [\s\S]*lacks 5 pages of 1 segment/);
    expect(readFileSync(out).readUInt32LE(48) & 1).toBe(1);
    expect(await verdict(out)).toMatch(/^1: [\s\S]*INCOMPLETE$/);
    const again = join(folder, 'again');
    expect(await run('-z', out, again)).toMatch(/^1: [\s\S]*it is marked incomplete/);
    expect(openKdump(readFileSync(again)).header.status & INCOMPLETE).toBe(INCOMPLETE);
  });

  test('as a split dump: every file is marked, and so is the reassembled one', async () => {
    truncateSync(vmcore, writeVmcore() - 4 * PAGE);
    const parts = [join(folder, 'a'), join(folder, 'b')];
    expect(await run('--split', '--splitblock-size', '64', '-l', vmcore, ...parts)).toMatch(/^1: /);
    for (const part of parts) expect(readFileSync(part).readUInt32LE(424) & INCOMPLETE).toBe(INCOMPLETE);
    expect(await run('--reassemble', ...parts, out)).toMatch(/^1: /);
    expect(readFileSync(out).readUInt32LE(424) & INCOMPLETE).toBe(INCOMPLETE);
  });

  test('a whole one is complete, with exit code 0', async () => {
    writeVmcore();
    expect(await run('-z', vmcore, out)).toMatch(/^0: /);
    expect(openKdump(readFileSync(out)).header.status & INCOMPLETE).toBe(0);
  });
});

describe('a flipped bit anywhere in the structures of a dump', () => {
  // The layout of writeVmcore's dump at level 1: header, sub header with notes, bitmap1, bitmap2, descriptors.
  test.each([
    ['bitmap1', 2 * PAGE + 1],
    ['bitmap2, a page less', 3 * PAGE + 1],
    ['bitmap2, a page more', 3 * PAGE + 3],
    ['the offset of a descriptor', 4 * PAGE + 24 * 6],
    ['the size of a descriptor', 4 * PAGE + 24 * 6 + 8],
    ['the flags of a descriptor', 4 * PAGE + 24 * 6 + 12],
    ['the block size', 428 + 1],
    ['max_mapnr_64', PAGE + 96],
    ['the shared zero page', 4 * PAGE + 32 * 24 + 100],
  ])('%s', async (_, at) => {
    writeVmcore();
    expect(await run('-z', '-d1', vmcore, out)).toMatch(/^0: /);
    const bytes = readFileSync(out);
    bytes[at] ^= 1;
    writeFileSync(out, bytes);
    const again = join(folder, 'again');
    expect(await run('-z', '-d1', out, again)).toMatch(/^1: /);
    if (existsSync(again)) expect(await verdict(again)).toMatch(/^1: /);
  });
});

test('random flipped bits and cuts: exit code 0 only if every page is as it was', async () => {
  writeVmcore();
  expect(await run('-z', '-d1', vmcore, out)).toMatch(/^0: /);
  const sound = readFileSync(out);
  const random = new Random(20261128);
  const again = join(folder, 'again');
  let refused = 0;
  for (let i = 0; i < 150; i++) {
    const bytes = Buffer.from(sound);
    const at = random.below(bytes.length);
    bytes[at] ^= 1 << random.below(8);
    writeFileSync(out, i % 5 === 4 ? sound.subarray(0, at) : bytes);
    const outcome = await run('-f', '-z', '-d1', out, again);
    expect(outcome, `flip ${i} at ${at}`).toMatch(/^[01]: /);
    expect(outcome).not.toContain('This is a bug');
    if (outcome.startsWith('1')) {
      refused++;
      continue;
    }
    const file = openKdump(readFileSync(again));
    for (let pfn = 64; pfn < 80; pfn++) expect(file.readPage(pfn), `flip ${i} at ${at}`).toEqual(page(pfn));
  }
  expect(refused).toBeGreaterThan(100);
});

test('one part of a split dump is refused', async () => {
  writeVmcore();
  const parts = [join(folder, 'a'), join(folder, 'b')];
  expect(await run('--split', vmcore, ...parts)).toMatch(/^0: /);
  expect(await run(parts[1], out)).toMatch(
    /^1: .*it is one part of a split dump\. Run kdumpling dump --reass/,
  );
});

test.each([
  ['one thread', '1'],
  ['two threads', '2'],
])(
  'a file that becomes shorter while it is read makes an incomplete dump: %s',
  async (_, threads) => {
    const loads = [{ paddr: 0, bytes: pages(0, 8192) }];
    writeFileSync(vmcore, buildVmcore({ loads }));
    // When the output exists, the input is open. Threads run only a few megabytes ahead of what is written.
    const shorten = (): void => {
      if (existsSync(out)) truncateSync(vmcore, 5000 * PAGE);
      else if (process.exitCode === undefined) setImmediate(shorten);
    };
    setImmediate(shorten);
    const outcome = await run('-l', '--num-threads', threads, vmcore, out);
    expect(outcome).toMatch(/^1: [\s\S]*[23]\d\d\d pages cannot be read: (\d+, )+\d+ and [23]\d\d\d more/);
    expect(readFileSync(out).readUInt32LE(424) & INCOMPLETE).toBe(INCOMPLETE);
  },
  10_000,
);

test('a vmcore whose program headers are cut', async () => {
  const loads = [
    { paddr: 0, bytes: pages(0, 4) },
    { paddr: 8 * PAGE, bytes: pages(8, 12) },
  ];
  const bytes = buildVmcore({ loads, programHeaders: 'last' });
  writeFileSync(vmcore, bytes.subarray(0, -56));
  expect(await run(vmcore, out)).toMatch(/^1: [\s\S]*it lacks 1 program header/);
});

test('a vmcore that was cut before its first page, with memory at a high address, keeps its length', async () => {
  const loads = [{ paddr: 2 ** 36, bytes: pages(0, 4) }];
  writeFileSync(vmcore, buildVmcore({ loads }).subarray(0, -4 * PAGE));
  expect(await run('-d0', vmcore, out)).toMatch(/^1: [\s\S]*lacks 4 pages/);
  const bytes = readFileSync(out);
  const { subHdrSize, bitmapBlocks } = openKdump(bytes).header;
  expect(bytes.length).toBe((1 + subHdrSize + bitmapBlocks) * PAGE);
});

test('a segment at an impossible address makes the dump incomplete', async () => {
  const loads = [
    { paddr: 0, bytes: pages(0, 4) },
    { paddr: 2n ** 60n, bytes: pages(8, 12) },
  ];
  writeFileSync(vmcore, buildVmcore({ loads }));
  expect(await run(vmcore, out)).toMatch(/^1: [\s\S]*of 1 segment/);
});

describe('a dump that is dumped again', () => {
  const make = async (...flags: string[]) => {
    writeVmcore();
    expect(await run(...flags, vmcore, out)).toMatch(/^0: /);
    return readFileSync(out);
  };
  const again = () => join(folder, 'again');

  test.each([
    ['-z', '-d1'],
    ['-c', '-d0'],
  ])('with one flipped bit (%s %s): the page is missing, not zero', async (codec, level) => {
    const bytes = await make(codec, level);
    const descriptor = openKdump(bytes).descriptor(70);
    bytes[descriptor.offset + descriptor.size - 1] ^= 1;
    writeFileSync(out, bytes);
    const outcome = await run('-z', level, out, again());
    expect(outcome).toMatch(/^1: [\s\S]*1 page cannot be read: 70/);
    const file = openKdump(readFileSync(again()));
    expect(file.header.status & INCOMPLETE).toBe(INCOMPLETE);
    expect(file.readPage(70)).toBe('missing');
    expect(file.readPage(71)).toEqual(page(71));
    expect(await verdict(again())).toMatch(/^1: .*1 of 32 pages is missing\n.*INCOMPLETE$/);
  });

  test('with its end cut off: the first pages are named, and how many there are', async () => {
    const bytes = await make('-z', '-d0');
    const from = openKdump(bytes).descriptor(5).offset;
    writeFileSync(out, bytes.subarray(0, from));
    const outcome = await run('-c', out, again());
    expect(outcome).toContain('27 pages cannot be read: 5, 6, 7, 8, 9, 10, 11, 12 and 19 more');
    expect(outcome).toMatch(/^1: /);
    const file = openKdump(readFileSync(again()));
    expect(file.readPage(4)).toEqual(page(4));
    expect(file.readPage(5)).toBe('missing');
  });

  test('that is incomplete gives an incomplete one', async () => {
    const bytes = await make('-z', '-d1');
    bytes.writeUInt32LE(bytes.readUInt32LE(424) | INCOMPLETE, 424);
    bytes.fill(0, openKdump(bytes).descriptor(70).offset);
    const descriptors = 4 * PAGE;
    bytes.fill(0, descriptors + 20 * 24, descriptors + 21 * 24);
    writeFileSync(out, bytes);
    expect(await run('-z', out, again())).toMatch(/^1: [\s\S]*it is marked incomplete and lacks 1 page/);
    expect(openKdump(readFileSync(again())).header.status & INCOMPLETE).toBe(INCOMPLETE);
  });
});
