/** `kdumpling dump -L`: a dump that does not fit has the pages that a debugger needs first, not the lowest ones. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { runCommand } from '../../../../scripts/lib/cli/command.ts';
import { dump } from '../../../../scripts/verbs/dump.ts';
import { openKdump } from '../../../support/kdump-reader.ts';
import { IMAGE_PADDR, IMAGE_VADDR, KernelBuilder } from '../../../support/kernel-builder.ts';
import { Random } from '../../../support/random.ts';
import { recordOutput } from '../../../support/recorded-output.ts';

/** Nothing leads to these, and they are below the image. */
const STRAYS = { start: 0x420, count: 300 };
const NEAR = 0x900;

let folder: string;
const output = recordOutput();
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kdumpling-first-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

/** A kernel image above 300 pages that do not compress. */
function vmcore(): string {
  const builder = new KernelBuilder({
    levels: 4,
    vmcoreinfo: { 'SYMBOL(_stext)': IMAGE_VADDR.toString(16) },
  });
  const { memory, directMap } = builder;
  for (let pfn = 0; pfn < 4; pfn++)
    builder.map(IMAGE_VADDR + BigInt(pfn * 4096), IMAGE_PADDR + pfn * 4096, 'page');
  const random = new Random(7);
  for (let i = 0; i < STRAYS.count; i++) memory.page(STRAYS.start + i).set(random.bytes(4096));
  memory.page(NEAR).fill(7, 16);
  memory.u64(IMAGE_PADDR + 0x3000 + 0x808, directMap + BigInt(NEAR * 4096));
  const path = join(folder, 'vmcore');
  writeFileSync(path, builder.build());
  return path;
}

async function run(...argv: string[]): Promise<string> {
  output.said = [];
  process.exitCode = undefined;
  await runCommand(dump, argv);
  return `${process.exitCode}: ${output.said.join('')}`;
}

test.each([['-z'], ['-d1']])('with %s', async flag => {
  const path = vmcore();
  const [whole, out] = [join(folder, 'whole'), join(folder, 'out')];
  expect(await run('-z', path, whole)).toMatch(/^0: /);
  const limit = statSync(whole).size - 200 * 4096;
  const outcome = await run(flag, '-L', `${limit}`, path, out);
  expect(outcome).toMatch(/^1: /);
  expect(outcome).toMatch(new RegExp(`the size limit of ${limit} bytes leaves no room for \\d+ pages`));
  expect(outcome).toMatch(/^1: /);
  expect(statSync(out).size).toBeLessThanOrEqual(limit);
  const file = openKdump(readFileSync(out));
  expect(file.header.status & 8).toBe(8);
  for (const pfn of [0, 1, 2, 3].map(i => IMAGE_PADDR / 4096 + i).concat(NEAR))
    expect(typeof file.readPage(pfn), `page ${pfn}`).toBe('object');
  const strays = Array.from({ length: STRAYS.count }, (_, i) => file.readPage(STRAYS.start + i));
  expect(strays.filter(read => read === 'missing').length).toBeGreaterThan(100);
});

test('a limit that the dump just reaches changes nothing', async () => {
  const path = vmcore();
  const [whole, out] = [join(folder, 'whole'), join(folder, 'out')];
  await run('-z', path, whole);
  expect(await run('-z', '-L', `${statSync(whole).size}`, path, out)).toMatch(/^0: /);
  expect(readFileSync(out).equals(readFileSync(whole))).toBe(true);
});
