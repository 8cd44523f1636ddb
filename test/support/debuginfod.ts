/** Debian's debuginfod on loopback: the real server of debug symbols, and elfutils' own client for it. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openCache } from '../../build/cache.ts';
import { fetchTool } from '../../build/fetch/tools.ts';

export interface Debuginfod {
  readonly url: string;
  /** What elfutils' own client prints for `debuginfo BUILD-ID`: a path. */
  find(buildId: string, env: Readonly<Record<string, string>>): string;
  stop(): Promise<void>;
}

const READY_SECONDS = 120;

/** Serves the files, when it has read them. @param buildId of one of them. */
export async function startDebuginfod(files: readonly string[], buildId: string): Promise<Debuginfod> {
  const dir = mkdtempSync(join(tmpdir(), 'kdumpling-debuginfod-'));
  const { argv, root } = await fetchTool(openCache(), 'debuginfod');
  mkdirSync(join(dir, 'files'));
  for (const [index, file] of files.entries()) symlinkSync(file, join(dir, 'files', `vmlinux-${index}`));
  const port = await freePort();
  const options = ['-d', join(dir, 'index.sqlite'), '-p', String(port), '-t', '0', '-g', '0', '-L'];
  // Source files are not asked for, and to index those of a kernel takes minutes.
  const serve = [...argv, ...options, '--disable-source-scan', '-F', join(dir, 'files')];
  // setpriv: it ends with us, even if we are killed.
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...serve], {
    stdio: 'ignore',
    env: { PATH: '/usr/bin:/bin', HOME: dir, TMPDIR: dir },
  });
  const ended = new Promise<void>(resolve => child.once('close', () => resolve()));
  const url = `http://127.0.0.1:${port}`;
  await hasRead(`${url}/buildid/${buildId}/debuginfo`, () => child.exitCode !== null);
  return {
    url,
    find(id, env) {
      const client = [...argv.slice(0, -1), join(root, 'usr/bin/debuginfod-find'), 'debuginfo', id];
      return execFileSync(client[0]!, client.slice(1), {
        encoding: 'utf8',
        env: { HOME: dir, ...env },
      }).trim();
    },
    async stop() {
      child.kill('SIGTERM');
      await ended;
      rmSync(dir, { recursive: true });
    },
  };
}

/** Free a moment ago. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise(resolve => server.close(resolve));
  return port;
}

async function hasRead(url: string, hasEnded: () => boolean): Promise<void> {
  for (let tries = 0; tries < READY_SECONDS * 10 && !hasEnded(); tries++) {
    const response = await fetch(url, { signal: AbortSignal.timeout(5000) }).catch(() => undefined);
    await response?.body?.cancel();
    if (response?.status === 200) return;
    await sleep(100);
  }
  throw new Error(`debuginfod does not serve ${url}`);
}
