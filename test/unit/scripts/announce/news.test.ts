import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { NEWS_PATH, type Post, reportNews } from '../../../../scripts/lib/announce/news.ts';
import { findDumps } from '../../../../scripts/lib/dumps/dumps.ts';
import { UploadError } from '../../../../scripts/lib/upload/errors.ts';
import { addFiles, hostWith, textOf } from '../../../support/host-root.ts';

const LOG = '[    1.000000] Kernel panic - not syncing: sysrq triggered crash\n';
const FIRST = '20261126T100955Z';
const SECOND = '20261127T000000Z';
const { signal } = new AbortController();

let said: string[];
beforeEach(() => {
  said = [];
  for (const name of ['log', 'error'] as const)
    vi.spyOn(console, name).mockImplementation(text => void said.push(text));
});
afterEach(() => vi.restoreAllMocks());

const dumpFiles = (id: string) => ({ [`/var/crash/${id}/vmcore-dmesg.txt`]: LOG });

/** One boot: what is said, what is posted, what it ends with. */
async function boot(host: ReturnType<typeof hostWith>, url: string | undefined, post: Post = async () => {}) {
  said.length = 0;
  const posted: string[] = [];
  const dumps = findDumps(host, '/var/crash');
  const exitCode = await reportNews(host, dumps, url, signal, async (to, report, abort) => {
    posted.push(`${to} ${report.id}`);
    await post(to, report, abort);
  });
  return { exitCode, posted, said: said.join('\n') };
}

const refuse: Post = async () => {
  throw new UploadError('REFUSED', { action: 'post', actual: 'the server answers 500' });
};

test('each crash is said once', async () => {
  const host = hostWith(dumpFiles(FIRST));
  const first = await boot(host, undefined);
  expect(first.said).toContain(
    `crash ${FIRST}: kernel said: Kernel panic - not syncing: sysrq triggered crash`,
  );
  expect(first).toMatchObject({ exitCode: 0, posted: [] });
  expect((await boot(host, undefined)).said).toBe('');
  addFiles(host, dumpFiles(SECOND));
  const { said } = await boot(host, undefined);
  expect(said).toContain(SECOND);
  expect(said).not.toContain(FIRST);
});

test('a report that could not be posted is posted at the next boot, and then no more', async () => {
  const host = hostWith(dumpFiles(FIRST));
  const failed = await boot(host, 'https://h/hook', refuse);
  expect(failed.exitCode).toBe(1);
  expect(failed.said).toMatch(/not posted, the next boot tries again: Cannot post: the server answers 500/);
  expect(await boot(host, 'https://h/hook')).toMatchObject({
    exitCode: 0,
    posted: [`https://h/hook ${FIRST}`],
    said: `crash ${FIRST}: posted to notify_url`,
  });
  expect((await boot(host, 'https://h/hook')).posted).toEqual([]);
});

test('one that fails does not keep back another', async () => {
  const host = hostWith({ ...dumpFiles(FIRST), ...dumpFiles(SECOND) });
  const post: Post = async (url, report, abort) => {
    if (report.id === FIRST) await refuse(url, report, abort);
  };
  expect((await boot(host, 'https://h/hook', post)).posted).toHaveLength(2);
  expect((await boot(host, 'https://h/hook')).posted).toEqual([`https://h/hook ${FIRST}`]);
});

test('a URL that comes later is not sent old crashes; one that goes is forgotten', async () => {
  const host = hostWith(dumpFiles(FIRST));
  await boot(host, undefined);
  expect((await boot(host, 'https://h/hook')).posted).toEqual([]);
  addFiles(host, dumpFiles(SECOND));
  await boot(host, 'https://h/hook', refuse);
  await boot(host, undefined);
  expect((await boot(host, 'https://h/hook')).posted).toEqual([]);
});

test.each(['', '{', 'null', '[]', '{"reported":5}', '{"reported":[5],"unposted":"x"}'])(
  'a state file that says %j counts as none',
  async text => {
    const host = hostWith({ ...dumpFiles(FIRST), [NEWS_PATH]: text });
    expect((await boot(host, 'https://h/hook')).posted).toHaveLength(1);
    expect(JSON.parse(textOf(host, NEWS_PATH))).toEqual({ reported: [FIRST], unposted: [] });
  },
);
