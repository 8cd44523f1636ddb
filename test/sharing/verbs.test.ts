/** The verbs as they are typed, on this machine with a dump of ours in /var/crash, against nginx. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { PROJECT } from '../../build/paths.ts';
import { onBorrowedHost } from '../support/borrowed-host.ts';
import { type Nginx, startNginx } from '../support/nginx.ts';

const ID = '20261126T100955Z';
const LOG = '[    1.000000] Kernel panic - not syncing: sysrq triggered crash\n';
const vmcore = randomBytes(3 << 20);

let dir: string;
let nginx: Nginx;
beforeAll(async () => {
  nginx = await startNginx();
  dir = mkdtempSync(join(tmpdir(), 'kdumpling-verbs-'));
  for (const folder of [`crash/${ID}`, 'etc']) mkdirSync(join(dir, folder), { recursive: true });
  writeFileSync(join(dir, 'crash', ID, 'vmcore'), vmcore, { mode: 0o600 });
  writeFileSync(join(dir, 'crash', ID, 'vmcore-dmesg.txt'), LOG, { mode: 0o600 });
  writeFileSync(join(dir, 'etc/kdump.conf'), `notify_url ${nginx.http}/hook/notify?key=geheim\n`);
});
afterAll(async () => {
  rmSync(dir, { recursive: true });
  await nginx.stop();
});

/** Runs a verb. The server is this process's child: the call must not block. */
function kdumpling(argv: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const program = [process.execPath, join(PROJECT, 'scripts/kdumpling.ts'), ...argv];
  const host = { crash: join(dir, 'crash'), etc: join(dir, 'etc'), state: join(dir, 'state') };
  const [command, ...args] = onBorrowedHost(dir, host, program);
  const child = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      said += chunk;
    });
  return new Promise<{ status: number | null; said: string }>(resolve =>
    child.once('close', status => resolve({ status, said })),
  );
}

test('upload: the dump, by the beginning of its name, to a folder', async () => {
  const { status, said } = await kdumpling(['upload', '20261126', `${nginx.http}/dav/verbs/?sig=geheim`]);
  expect({ status, said }).toEqual({
    status: 0,
    said: `${nginx.http}/dav/verbs/${ID}-vmcore?…: ${vmcore.length} bytes of ${ID} uploaded\n`,
  });
  const stored = await fetch(`${nginx.http}/dav/verbs/${ID}-vmcore`);
  expect(Buffer.from(await stored.arrayBuffer()).equals(vmcore)).toBe(true);
});

test('upload: the report, to a hook, with a token from the environment', async () => {
  const argv = ['upload', '--report', '--json', ID, `${nginx.http}/hook/report`];
  expect((await kdumpling(argv, { KDUMPLING_UPLOAD_TOKEN: 't' })).status).toBe(0);
  const [request] = await posted('/hook/report');
  expect(request).toMatchObject({ method: 'POST', type: 'application/json', token: 'Bearer t' });
  expect(JSON.parse(request.body)).toMatchObject({ format: 2, id: ID, crash: { class: 'sysrq' } });
});

test.each([
  [['upload', ID], 2, /it has 1 argument; expected a dump and a URL/],
  [
    ['upload', 'none', 'http://127.0.0.1/'],
    2,
    /Cannot find dump "none": the only dump has another ID. Did you mean 20261126T100955Z/,
  ],
  [['upload', ID, 'https://me:geheim@127.0.0.1/'], 2, /a user or password/],
  [
    ['upload', '--file', '../../etc/shadow', ID, 'http://127.0.0.1/'],
    2,
    /has no shadow; expected one of vmcore, vmcore-dmesg.txt/,
  ],
  [['upload', '--method', 'DELETE', ID, 'http://127.0.0.1/'], 2, /one of PUT, POST/],
  [['upload', '--tries', '1', ID, 'http://127.0.0.1:9/x'], 1, /ECONNREFUSED/],
])('%j ends with %i', async (argv, expected, message) => {
  const { status, said } = await kdumpling(argv);
  expect(said).toMatch(message);
  expect(said.trim().split('\n')).toHaveLength(1);
  expect(said).not.toContain('geheim');
  expect(status).toBe(expected);
});

test('report --new: into the journal and to notify_url, once', async () => {
  const { status, said } = await kdumpling(['report', '--new']);
  expect(said).toContain(`crash ${ID}: kernel said: Kernel panic - not syncing: sysrq triggered crash\n`);
  expect(said).toContain(`crash ${ID}: posted to notify_url\n`);
  expect(said).not.toContain('geheim');
  expect(status).toBe(0);
  const [request] = await posted('/hook/notify?key=geheim');
  expect(JSON.parse(request.body).text).toMatch(
    /: Somebody triggered a crash by sysrq .* \[sysrq-[0-9a-f]{12}\]$/,
  );
  expect(await kdumpling(['report', '--new'])).toEqual({ status: 0, said: '' });
  expect(await posted('/hook/notify?key=geheim')).toHaveLength(1);
});

test('a hook that refuses: its path, which is its key, is not said', async () => {
  mkdirSync(join(dir, 'crash', '20261127T000000Z'));
  writeFileSync(join(dir, 'crash', '20261127T000000Z', 'vmcore-dmesg.txt'), LOG);
  writeFileSync(join(dir, 'etc/kdump.conf'), `notify_url ${nginx.http}/private/geheim\n`);
  const { status, said } = await kdumpling(['report', '--new']);
  expect(said).toContain('crash 20261127T000000Z: not posted, the next boot tries again: ');
  expect(said).toContain(`Cannot upload to ${nginx.http}/…: the server answers 401`);
  expect(said).not.toContain('geheim');
  expect(status).toBe(1);
});

async function posted(uri: string) {
  return (await nginx.log(request => request.uri === uri)).filter(request => request.uri === uri);
}
