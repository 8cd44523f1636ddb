import { mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { inRunDirectory } from '../../../../qemu/run/directory.ts';

let runs: string;
beforeEach(() => {
  runs = mkdtempSync(join(tmpdir(), 'kdumpling-runs-'));
  vi.spyOn(console, 'error').mockImplementation(() => {});
});
afterEach(() => {
  rmSync(runs, { recursive: true });
  vi.restoreAllMocks();
});

const named = (name: string) => ({ name, facts: { trigger: 'null' } });
const latest = () => readlinkSync(join(runs, 'latest'));
const summaryOf = (name: string) => JSON.parse(readFileSync(join(runs, name, 'summary.json'), 'utf8'));

test('a run that ends becomes the latest', async () => {
  const { signal } = new AbortController();
  const directory = await inRunDirectory(named('crash'), signal, async path => path, runs);
  expect(latest()).toBe(basename(directory));
  expect(basename(directory)).toMatch(/^\d{8}T\d{6}Z-crash$/);
});

test('a run that is lost becomes the latest, and its summary says why', async () => {
  const { signal } = new AbortController();
  const lost = inRunDirectory(
    named('crash'),
    signal,
    async () => Promise.reject(new Error('no answer')),
    runs,
  );
  await expect(lost).rejects.toThrow('no answer');
  expect(summaryOf(latest())).toEqual({ verdict: 'lost', trigger: 'null', reason: 'no answer' });
});

test('an interrupted run says so, and the run before it stays the latest', async () => {
  await inRunDirectory(named('before'), new AbortController().signal, async () => {}, runs);
  const controller = new AbortController();
  const interrupted = inRunDirectory(
    named('interrupted'),
    controller.signal,
    async () => {
      controller.abort();
      throw new Error('it was interrupted');
    },
    runs,
  );
  await expect(interrupted).rejects.toThrow('it was interrupted');
  expect(latest()).toMatch(/-before$/);
  const name = readdirSync(runs).find(entry => entry.endsWith('-interrupted'))!;
  expect(summaryOf(name)).toEqual({ verdict: 'interrupted', trigger: 'null' });
  expect(vi.mocked(console.error).mock.calls.join()).toMatch(
    /^interrupted: .*-interrupted holds an unfinished run/,
  );
});

test('runs of one name that begin in the same second have directories of their own', async () => {
  const { signal } = new AbortController();
  const paths = await Promise.all(
    [1, 2, 3].map(() => inRunDirectory(named('crash'), signal, async path => path, runs)),
  );
  expect(new Set(paths).size).toBe(3);
});
