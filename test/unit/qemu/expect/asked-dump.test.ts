import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dumpedAs, sameAsRawCopy } from '../../../../qemu/expect/asked-dump.ts';
import type { Judges } from '../../../../qemu/expect/check.ts';
import type { CrashRun } from '../../../../qemu/run/run.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'kdumpling-asked-'));
  mkdirSync(join(directory, 'dump'));
  const manifest = { dump: { level: 17, codec: 'lzo' } };
  writeFileSync(join(directory, 'dump/manifest.json'), JSON.stringify(manifest));
});
afterAll(() => rmSync(directory, { recursive: true }));

function run(dumps: readonly string[], ...lines: string[]): CrashRun {
  const serial = lines.map(text => ({ text, atSeconds: 1 }));
  const paths = dumps.map(name => join(directory, name));
  return { dumps: paths, lines: serial, labFiles: join(directory, 'lab') } as unknown as CrashRun;
}
const judges = {} as Judges;

test('nothing asked for, nothing checked', async () => {
  expect(await dumpedAs({})(run(['dump']), judges)).toEqual([]);
});

test.each([
  [{ level: 17 }, true],
  [{ level: 17, codec: 'lzo' }, true],
  [{ level: 1, codec: 'lzo' }, false],
  [{ codec: 'zstd' }, false],
])('%j asked for: %s', async (asked, holds) => {
  expect(await dumpedAs(asked)(run(['dump']), judges)).toMatchObject([{ holds, saw: 'level 17, codec lzo' }]);
});

test('without a dump it does not hold', async () => {
  expect(await dumpedAs({ level: 17 })(run([]), judges)).toMatchObject([{ holds: false }]);
});

test('where room was short, the level and the codec are the space policy’s', async () => {
  const line = 'kdumpling: space: taking a stronger codec (level 31, zstd)';
  expect(await dumpedAs({ codec: 'zstd' })(run(['dump'], line), judges)).toEqual([]);
});

test('a raw copy that is missing is said to be', async () => {
  expect(await sameAsRawCopy(run(['dump']), judges)).toMatchObject([
    { holds: false, saw: 'there is no raw copy' },
  ]);
});
