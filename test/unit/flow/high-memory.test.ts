/** A capture of a machine with memory at high addresses: kept like other memory, or the dump is incomplete. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { KernelBuilder } from '../../support/kernel-builder.ts';
import { run } from './fixture.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kdumpling-high-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A vmcore with a page at this number, besides those of the small kernel. */
function vmcoreWith(pfn: number): string {
  const builder = new KernelBuilder({ records: [{ text: 'Linux version 6.1.0-test' }] });
  builder.memory.page(pfn).fill(1);
  const path = join(folder, `vmcore-${pfn}`);
  writeFileSync(path, builder.build());
  return path;
}

// Not higher, because the fixture reads the bitmaps bit by bit; test/unit/kdump/write/bitmaps.test.ts goes to 4 PiB.
test('at 64 GiB it is in the dump, which needs no room for the hole below', () => {
  const { outcome, manifests, warnings } = run({ vmcore: vmcoreWith(2 ** 36 / 4096) });
  expect([outcome.saved, warnings]).toEqual([true, []]);
  const { dump, space } = manifests[0]!;
  // Two bitmaps of 2 MiB, of which 64 KiB at each end of each are written.
  expect(dump!.bytes - space!.predictedBytes!).toBeGreaterThan(3.5 * 2 ** 20);
  expect(Math.abs(space!.predictionErrorPercent!)).toBeLessThan(5);
});

test('past 2^52, where no dump has pages, the dump is incomplete and says why', () => {
  const { outcome, files, manifests, warnings } = run({ vmcore: vmcoreWith(2 ** 40) });
  expect(outcome).toMatchObject({ saved: false, reason: expect.stringContaining('a dump cannot have') });
  expect(files[0]).toContain('vmcore-incomplete');
  expect(manifests[0]).toMatchObject({ state: 'incomplete' });
  expect(warnings).toContainEqual(
    expect.stringContaining('ignored: it covers 0x1000 bytes from 0x10000000000000'),
  );
});
