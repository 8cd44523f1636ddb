import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { readDump } from '../../../../qemu/lab/dump-reading.ts';
import { crashedKernel } from '../../../support/crashed-kernel.ts';

const root = mkdtempSync(join(tmpdir(), 'kdumpling-reading-'));
afterAll(() => rmSync(root, { recursive: true }));

test('the page is left in the directory of the run, and a kernel without a stack says why', () => {
  const dump = join(root, '20261128T120000Z');
  mkdirSync(dump);
  writeFileSync(join(dump, 'vmcore'), crashedKernel().build());
  const { stack, page } = readDump(dump, root);
  expect(page).toBe(join(root, 'report.html'));
  expect(readFileSync(page, 'utf8')).toMatch(/^<!doctype html>[\s\S]*zram/i);
  // This small kernel has neither tables nor frame pointers to unwind by.
  expect(stack).toEqual([expect.stringMatching(/^no stack: Cannot unwind stacks: /)]);
});
