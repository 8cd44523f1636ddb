/** `--num-threads`: the same bytes as one thread's, through real threads, whatever the pages are. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { Bitmap } from '../../../../capture/filter/bitmap.ts';
import { BatchWork } from '../../../../capture/threads/batch-work.ts';
import { batchBounds } from '../../../../capture/threads/plan-work.ts';
import { runCommand } from '../../../../scripts/lib/cli/command.ts';
import { dump } from '../../../../scripts/verbs/dump.ts';
import { Random } from '../../../support/random.ts';
import { buildVmcore } from '../../../support/vmcore-builder.ts';

const PAGE = 4096;
/** More than all slots hold at once, on any number of CPUs that a test has. */
const PAGES = 5000;

/** Zeros, noise that does not shrink, text, and digits, which are dense: codecs take another level for such pages. */
function page(pfn: number): Buffer {
  if (pfn % 7 === 3) return Buffer.alloc(PAGE);
  if (pfn % 7 === 4) return digits(pfn);
  if (pfn % 50 !== 0) return Buffer.alloc(PAGE, `page ${pfn}. `);
  let state = pfn + 1;
  return Buffer.from(
    Uint8Array.from({ length: PAGE }, () => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return state >>> 16;
    }),
  );
}

function digits(pfn: number): Buffer {
  return Buffer.from(new Random(pfn).bytes(PAGE).map(byte => 0x30 + (byte % 10)));
}

let folder: string;
let vmcore: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kdumpling-threads-'));
  vmcore = join(folder, 'vmcore');
  const bytes = Buffer.concat(Array.from({ length: PAGES }, (_, pfn) => page(pfn)));
  const loads = [{ paddr: 0x10_0000, bytes: bytes.subarray(0, PAGE * 3000 + 100) }];
  loads.push({ paddr: 0x1000_0000, bytes: bytes.subarray(PAGE * 3000) });
  writeFileSync(vmcore, buildVmcore({ loads }));
});
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => {
  vi.spyOn(console, 'error').mockImplementation(() => {});
  vi.spyOn(process.stdout, 'write').mockImplementation(() => true);
  process.exitCode = undefined;
});

const run = async (...argv: string[]): Promise<Buffer> => {
  const out = join(folder, 'out');
  await runCommand(dump, ['-f', ...argv, vmcore, out]);
  expect(process.exitCode).toBe(0);
  process.exitCode = undefined;
  return readFileSync(out);
};

describe('the same dump as one thread makes', () => {
  test.each([['-z', '-d1'], ['-c', '-d1'], ['-l', '-d0'], ['-d1'], ['-l', '-d1', '--non-mmap']])(
    '%s %s %s',
    async (...flags) => {
      const alone = await run(...flags.filter(Boolean));
      const together = () => run('--num-threads', '3', ...flags.filter(Boolean));
      expect((await together()).equals(alone)).toBe(true);
      // This thread is done with all before the others have loaded. Here they do the work, whose modules are their own.
      const own = vi.spyOn(BatchWork.prototype, 'takeNextIfFree').mockReturnValue(false);
      const first = vi.spyOn(BatchWork.prototype, 'claimAlone').mockReturnValue(undefined);
      const byOthers = await together();
      expect(own).toHaveBeenCalled();
      own.mockRestore();
      first.mockRestore();
      expect(byOthers.equals(alone)).toBe(true);
    },
  );
});

test('batches hold so many pages, whatever is between them', () => {
  const bitmap = Bitmap.create(1000);
  bitmap.setRange(10, 15);
  bitmap.setRange(100, 102);
  bitmap.setRange(900, 1000);
  expect([...batchBounds(bitmap, 6)].slice(0, 4)).toEqual([10, 101, 905, 911]);
  expect(batchBounds(bitmap, 6).at(-1)).toBe(1000);
  expect([...batchBounds(Bitmap.create(8), 6)]).toEqual([8]);
});
