import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Cache, openCache, publishDir, requireSpace, withLock } from '../../../build/cache.ts';

let cache: Cache;

beforeEach(() => {
  cache = openCache(() => {}, { KDUMPLING_CACHE: mkdtempSync(join(tmpdir(), 'cache-test-')) });
});
afterEach(() => rmSync(cache.dir, { recursive: true }));

describe('publishing', () => {
  const content = () => readFileSync(join(cache.dir, 'thing', 'file'), 'utf8');
  const publish = (text: string) =>
    publishDir(join(cache.dir, 'thing'), async dir => writeFileSync(join(dir, 'file'), text));

  it('puts a whole thing in its place, and a newer one in the place of that', async () => {
    await publish('one');
    expect(content()).toBe('one');
    await publish('two');
    expect(content()).toBe('two');
    expect(readdirSync(cache.dir)).toEqual(['thing']);
  });

  it('leaves what is there when filling fails, and starts clean the next time', async () => {
    await publish('one');
    const failing = publishDir(join(cache.dir, 'thing'), async dir => {
      writeFileSync(join(dir, 'rest'), '');
      throw new Error('no network');
    });
    await expect(failing).rejects.toThrow('no network');
    expect(content()).toBe('one');
    await publish('two');
    expect(existsSync(join(cache.dir, 'thing', 'rest'))).toBe(false);
  });
});

it('says how much space is needed, how much there is and what moves the cache', async () => {
  await requireSpace(cache, 1, 'a byte');
  const refused = requireSpace(cache, 2 ** 60, 'the moon');
  await expect(refused).rejects.toThrow(
    /fetch the moon: \d+ MiB are free .* expected 1099511627776 MiB\. Set KDUMPLING_CACHE to /,
  );
});

it('is made with its parents', () => {
  const dir = join(cache.dir, 'a', 'b');
  expect(openCache(() => {}, { KDUMPLING_CACHE: dir }).dir).toBe(dir);
  expect(existsSync(dir)).toBe(true);
});

it('ends with an error where no folder can be made', () => {
  symlinkSync('nowhere', join(cache.dir, 'dangling'));
  for (const dir of ['/proc/nope', '/proc/nope/deeper', join(cache.dir, 'dangling')])
    expect(() => openCache(() => {}, { KDUMPLING_CACHE: dir })).toThrow(
      `Cannot open the cache: the folder ${dir} cannot be made. Set KDUMPLING_CACHE to a folder`,
    );
});

describe('the lock', () => {
  it('lets one in at a time, and the next when the first has failed', async () => {
    const events: string[] = [];
    const visit = (name: string, fails = false) =>
      withLock(cache, 'thing', async () => {
        events.push(`${name} in`);
        await new Promise(done => setTimeout(done, 50));
        events.push(`${name} out`);
        if (fails) throw new Error('failed');
      });
    const results = await Promise.allSettled([visit('a', true), visit('b'), visit('c')]);
    expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(1);
    expect(events).toHaveLength(6);
    for (let i = 0; i < 6; i += 2) {
      expect(events[i]!.replace('in', 'out')).toBe(events[i + 1]);
    }
  });

  it('does not hold up another thing', async () => {
    await withLock(cache, 'one', () => withLock(cache, 'two', async () => {}));
  });
});
