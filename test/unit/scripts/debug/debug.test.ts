/** `kdumpling debug` from its arguments to the debugger's, with debuggers that say how they were started. */
import { spawn } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { runCommand } from '../../../../scripts/lib/cli/command.ts';
import { debug } from '../../../../scripts/verbs/debug.ts';
import { debugFile } from '../../../support/debug-file-builder.ts';
import { recordOutput } from '../../../support/recorded-output.ts';
import { buildVmcore } from '../../../support/vmcore-builder.ts';

const ID = '3b43fad5034874490492495d552c0af6a5fab235';
const OTHER = `${ID.slice(2)}00`;
const RELEASE = '6.1.0-56-cloud-amd64';
const VMLINUX = debugFile({ buildId: ID });
const PROJECT = join(import.meta.dirname, '../../../..');

const output = recordOutput();
let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'kdumpling-debug-test-'));
  put('etc/os-release', 'ID=debian\n');
  put('var/crash/x/vmcore', vmcore());
  vi.stubEnv('PATH', `${root}/bin`);
  vi.stubEnv('DEBUGINFOD_URLS', '');
  vi.stubEnv('DEBUGINFOD_CACHE_PATH', join(root, 'cache'));
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(root, { recursive: true, force: true });
});

function vmcore(more: Readonly<Record<string, string>> = { 'BUILD-ID': ID }, machine = 62): Uint8Array {
  const vmcoreinfo = { OSRELEASE: RELEASE, PAGESIZE: 4096, ...more };
  return buildVmcore({ machine, vmcoreinfo, loads: [{ paddr: 0, bytes: new Uint8Array(4096) }] });
}

function put(name: string, bytes: Uint8Array | string, mode = 0o600): string {
  const path = join(root, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  chmodSync(path, mode);
  return path;
}

/** A debugger that writes its arguments and what it reads to `started`. */
function installDebugger(name: string, exitCode = 0): void {
  const script = `#!/bin/sh\nprintf '%s\\n' ${name} "$@" > ${root}/started\n/bin/cat > ${root}/read\nexit ${exitCode}\n`;
  put(`bin/${name}`, script, 0o755);
}

const started = (): string[] => readFileSync(join(root, 'started'), 'utf8').trim().split('\n');

async function run(...args: string[]): Promise<string> {
  await runCommand(debug, args);
  return output.said.join('\n');
}

const DUMP = () => join(root, 'var/crash/x/vmcore');
const BATCH = () => put('commands', 'log\nps\nbt\n');
const onMachine = (...args: string[]) => run('--root', root, DUMP(), '--batch', BATCH(), ...args);

describe('the debugger', () => {
  beforeEach(() => void put(`usr/lib/debug/boot/vmlinux-${RELEASE}`, VMLINUX));

  test('crash with a batch: silent, and told to end', async () => {
    installDebugger('crash');
    installDebugger('drgn');
    await onMachine();
    const vmlinux = join(root, `usr/lib/debug/boot/vmlinux-${RELEASE}`);
    expect(started()).toEqual(['crash', '-s', '-i', join(root, 'commands'), vmlinux, DUMP()]);
    expect(readFileSync(join(root, 'read'), 'utf8')).toBe('exit\n');
    expect(process.exitCode).toBe(0);
  });

  test('drgn where there is no crash, where it is asked for, and for a Python script', async () => {
    installDebugger('drgn');
    await onMachine();
    expect(started().slice(0, 4)).toEqual(['drgn', '-c', DUMP(), '-s']);
    installDebugger('crash');
    await onMachine('--drgn');
    expect(started()[0]).toBe('drgn');
    await run('--root', root, DUMP(), '--batch', put('script.py', ''));
    expect(started()[0]).toBe('drgn');
    expect(started().at(-1)).toBe(join(root, 'script.py'));
  });

  test.each([0, 1, 7])('its exit code %i is ours', async code => {
    installDebugger('crash', code);
    await onMachine();
    expect(process.exitCode).toBe(code);
  });

  test('of which a batch failed, what else there is', async () => {
    installDebugger('crash', 1);
    expect(await onMachine()).toMatch(/crash ended with exit code 1.*kdumpling debug --drgn.*kdumpling bt/);
  });

  test('none is installed', async () => {
    expect(await onMachine()).toMatch(
      /^Cannot start a debugger: this machine has neither crash nor drgn. Install one: /,
    );
    expect(process.exitCode).toBe(1);
  });

  test('a dump of another architecture is for drgn', async () => {
    const foreign = process.arch === 'x64' ? 183 : 62;
    writeFileSync(DUMP(), vmcore({ 'BUILD-ID': ID }, foreign));
    installDebugger('crash');
    expect(await onMachine()).toMatch(/this machine has no drgn, which reads dumps of/);
    expect(await onMachine('--crash')).toMatch(/crash reads those of its own architecture only. Use drgn/);
    installDebugger('drgn');
    await onMachine();
    expect(started()[0]).toBe('drgn');
  });

  test('the debug files of loaded modules are in the tree that crash is given', async () => {
    installDebugger('crash');
    put(`usr/lib/debug/lib/modules/${RELEASE}/kernel/drivers/x.ko`, 'x');
    await onMachine();
    expect(started()).toContain('--mod');
    expect(started()).toContain(join(root, `usr/lib/debug/lib/modules/${RELEASE}`));
  });
});

describe('an installed vmlinux', () => {
  beforeEach(() => installDebugger('crash'));
  const vmlinuxOf = async () => {
    await onMachine();
    return started()
      .slice(4, -1)
      .map(path => path.slice(root.length + 1));
  };

  test.each([
    `usr/lib/debug/.build-id/3b/${ID.slice(2)}.debug`,
    `usr/lib/debug/boot/vmlinux-${RELEASE}`,
    `usr/lib/debug/boot/vmlinux-${RELEASE}.debug`,
    `usr/lib/debug/lib/modules/${RELEASE}/vmlinux`,
    `usr/lib/debug/usr/lib/modules/${RELEASE}/vmlinux.debug`,
    `lib/modules/${RELEASE}/build/vmlinux`,
    `boot/vmlinux-${RELEASE}`,
    'var/crash/x/vmlinux',
  ])('%s', async path => {
    put(path, VMLINUX);
    expect(await vmlinuxOf()).toEqual([path]);
  });

  test('another kernel at the place of the right name is passed over, and named where there is no other', async () => {
    put(`usr/lib/debug/boot/vmlinux-${RELEASE}`, debugFile({ buildId: OTHER }));
    expect(await onMachine()).toMatch(`/usr/lib/debug/boot/vmlinux-${RELEASE}: its build id is ${OTHER}`);
    expect(process.exitCode).toBe(1);
    expect(existsSync(join(root, 'started'))).toBe(false);
    put(`boot/vmlinux-${RELEASE}`, VMLINUX);
    expect(await vmlinuxOf()).toEqual([`boot/vmlinux-${RELEASE}`]);
  });

  test.each([
    ['without debug symbols', debugFile({ buildId: ID, dwarf: false }), 'it has no debug symbols'],
    ['without a build id', debugFile({ buildId: null }), 'it has no build id'],
    ['without sections', debugFile({ buildId: ID, stripped: true }), 'it has no debug symbols'],
    ['cut', VMLINUX.subarray(0, 80), 'it has no build id'],
    ['a text', Buffer.from('vmlinux'), 'it is not a 64-bit ELF file'],
    ['empty', Buffer.alloc(0), 'it is not a 64-bit ELF file'],
  ])('a file %s is none', async (_, bytes, why) => {
    put(`boot/vmlinux-${RELEASE}`, bytes);
    expect(await onMachine()).toContain(`/boot/vmlinux-${RELEASE}: ${why}`);
  });

  test('a debug file that was split from its program is given with the program', async () => {
    put(`usr/lib/debug/boot/vmlinux-${RELEASE}.debug`, debugFile({ buildId: ID, code: false }));
    put(`boot/vmlinux-${RELEASE}`, debugFile({ buildId: ID, dwarf: false }));
    expect(await vmlinuxOf()).toEqual([
      `boot/vmlinux-${RELEASE}`,
      `usr/lib/debug/boot/vmlinux-${RELEASE}.debug`,
    ]);
  });

  test('a compressed one is decompressed for as long as the debugger runs', async () => {
    vi.stubEnv('PATH', `${root}/bin:/usr/bin:/bin`);
    put(`boot/vmlinux-${RELEASE}.gz`, gzipSync(VMLINUX));
    await onMachine();
    const copy = started().at(-2)!;
    expect(copy).toMatch(/kdumpling-debug-.*vmlinux/);
    expect(existsSync(dirname(copy))).toBe(false);
    put(`boot/vmlinux-${RELEASE}.gz`, 'not compressed');
    expect(await onMachine()).toMatch(/\.gz: it cannot be decompressed: .*not in gzip format/);
  });

  test('the file of --vmlinux is checked too', async () => {
    await onMachine('--vmlinux', put('mine', VMLINUX));
    expect(started().at(-2)).toBe(join(root, 'mine'));
    expect(await onMachine('--vmlinux', put('other', debugFile({ buildId: OTHER })))).toContain(
      `its build id is ${OTHER}; expected that of the dump's kernel, ${ID}`,
    );
  });

  test('a dump that does not say its build id takes a vmlinux that is given, and no other', async () => {
    writeFileSync(DUMP(), vmcore({}));
    put(`boot/vmlinux-${RELEASE}`, VMLINUX);
    expect(await onMachine()).toMatch(/the dump does not say its build id.*Give the file: --vmlinux FILE/);
    expect(await onMachine('--vmlinux', put('mine', VMLINUX))).toContain('warning: the dump does not say');
    expect(started().at(-2)).toBe(join(root, 'mine'));
  });

  test.each(['../../../etc/x', 'a/b', '', '-x'])('the release "%s" becomes no path', async release => {
    writeFileSync(DUMP(), vmcore({ 'BUILD-ID': ID, OSRELEASE: release }));
    expect(await onMachine()).toMatch(/^Cannot find vmlinux of .*build id/);
  });
});

describe('what cannot be opened', () => {
  beforeEach(() => installDebugger('crash'));

  test.each([
    ['zst', [0x28, 0xb5, 0x2f, 0xfd], /compressed with zstd.*Decompress it: zstd -dc \S+ > \S+vmcore; then/],
    ['gz', [0x1f, 0x8b, 8, 0], /compressed with gzip.*gzip -dc/],
    ['age', [...Buffer.from('age-encryption.org/v1\n')], /encrypted with age.*Decrypt it: age -d/],
    ['gpg', [0x85, 1, 12, 3], /encrypted with gpg.*gpg -o \S+vmcore -d/],
    ['bin', [1, 2, 3, 4], /neither kdump-compressed, an ELF core nor flattened/],
    ['bin', [], /it is empty/],
  ])('.%s %j', async (ending, bytes, expected) => {
    const path = put(`stored/vmcore.${ending}`, Buffer.from(bytes));
    expect(await run(path)).toMatch(expected);
    expect(process.exitCode).toBe(1);
  });

  test('a batch that is missing, both debuggers, a log without a dump', async () => {
    expect(await run(DUMP(), '--batch', join(root, 'none'))).toMatch(/Cannot use --batch: .*expected a file/);
    expect(process.exitCode).toBe(2);
    expect(await run(DUMP(), '--crash', '--drgn')).toMatch('both --crash and --drgn are given');
    rmSync(DUMP());
    put('var/crash/x/vmcore-dmesg.txt', 'log');
    expect(await run(join(root, 'var/crash/x'))).toMatch('it has a kernel log and no dump of the memory');
  });
});

describe('debuginfod', () => {
  type Answer = (response: ServerResponse, tries: number) => void;
  const servers: (() => void)[] = [];
  const requests: string[] = [];
  beforeEach(() => {
    installDebugger('crash');
    requests.length = 0;
  });
  afterEach(() => {
    for (const stop of servers.splice(0)) stop();
  });

  async function serve(answer: Answer): Promise<string> {
    let tries = 0;
    const server = createServer((request, response) => {
      requests.push(request.url!);
      answer(response, ++tries);
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    servers.push(() => {
      server.closeAllConnections();
      server.close();
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }
  const whole: Answer = response => response.end(VMLINUX);
  const none: Answer = response => response.writeHead(404).end('not found');
  const half: Answer = response => {
    response.writeHead(200, { 'content-length': VMLINUX.length });
    response.write(VMLINUX.subarray(0, 300), () => response.destroy());
  };
  const cached = () => join(root, 'cache', ID, 'debuginfo');
  const kept = () => (existsSync(dirname(cached())) ? readdirSync(dirname(cached())) : []);

  test('is asked by build id; what it sends is kept where elfutils looks, and is asked for once', async () => {
    vi.stubEnv(
      'DEBUGINFOD_URLS',
      `ima:enforcing ${await serve(none)}/  ${await serve(whole)}/buildid/ ima:ignore`,
    );
    await onMachine();
    expect(requests).toEqual([`/buildid/${ID}/debuginfo`, `/buildid/${ID}/debuginfo`]);
    expect(started().at(-2)).toBe(cached());
    expect(readFileSync(cached()).equals(VMLINUX)).toBe(true);
    expect(statSync(cached()).mode & 0o777).toBe(0o400);
    expect(kept()).toEqual(['debuginfo']);
    await onMachine();
    expect(requests.length).toBe(2);
  });

  test('the cache of others is used, and their record of a miss is not', async () => {
    put(`cache/${ID}/debuginfo`, VMLINUX, 0o400);
    await onMachine();
    expect(started().at(-2)).toBe(cached());
    rmSync(cached());
    put(`cache/${ID}/debuginfo`, '', 0o000);
    vi.stubEnv('DEBUGINFOD_URLS', await serve(whole));
    await onMachine();
    expect(readFileSync(cached()).equals(VMLINUX)).toBe(true);
  });

  const fails: Readonly<Record<string, readonly [Answer, RegExp]>> = {
    'has it not': [none, /it does not have it/],
    'breaks in the middle': [
      half,
      /Cannot download from http:\/\/127.0.0.1:\d+: the connection broke before the end/,
    ],
    'sends another file': [
      response => response.end(debugFile({ buildId: OTHER })),
      /what it sent is not the debug symbols: its build id is/,
    ],
    'sends a page': [response => response.end('<html>hello</html>'), /it is not a 64-bit ELF file/],
    'sends nothing': [response => response.end(), /it is not a 64-bit ELF file/],
    fails: [
      response => response.writeHead(500).end(),
      /the server answers 500; expected a server in working order/,
    ],
    hangs: [() => {}, /nothing moved for 0.3 s/],
    'hangs in the middle': [
      response => {
        response.writeHead(200, { 'content-length': VMLINUX.length });
        response.write(VMLINUX.subarray(0, 300));
      },
      /nothing moved for 0.3 s/,
    ],
    'leads round': [
      response => response.writeHead(302, { location: '/round' }).end(),
      /these were 5 redirects already/,
    ],
  };
  test.each(Object.entries(fails))(
    'a server that %s: the next one is asked',
    async (_, [answer, expected]) => {
      vi.stubEnv('DEBUGINFOD_TIMEOUT', '0.3');
      const bad = await serve(answer);
      vi.stubEnv('DEBUGINFOD_URLS', bad);
      const said = await onMachine();
      expect(said).toMatch(/Cannot find vmlinux of .* on 1 debuginfod server/);
      expect(said).toMatch(expected);
      expect(said).toMatch('apt install');
      expect(process.exitCode).toBe(1);
      expect(kept()).toEqual([]);
      vi.stubEnv('DEBUGINFOD_URLS', `${bad} ${await serve(whole)}`);
      await onMachine();
      expect(started().at(-2)).toBe(cached());
      expect(kept()).toEqual(['debuginfo']);
    },
  );

  test('a line that breaks once is tried again', async () => {
    vi.stubEnv(
      'DEBUGINFOD_URLS',
      await serve((response, tries) => (tries === 1 ? half : whole)(response, tries)),
    );
    await onMachine();
    expect(requests.length).toBe(2);
    expect(started().at(-2)).toBe(cached());
  });

  test('nobody listens, a word that is no URL', async () => {
    vi.stubEnv('DEBUGINFOD_URLS', 'http://127.0.0.1:1 file:///srv');
    const said = await onMachine();
    expect(said).toMatch(/ECONNREFUSED/);
    expect(said).toMatch('file:///srv: it is not an http or https URL');
  });

  test('servers that sudo dropped are named', async () => {
    put('etc/debuginfod/debian.urls', 'https://debuginfod.example\n');
    expect(await onMachine()).toMatch('set DEBUGINFOD_URLS="https://debuginfod.example", which sudo');
  });
});

describe('signals', () => {
  const kdumpling = () => [
    process.execPath,
    join(PROJECT, 'scripts/kdumpling.ts'),
    'debug',
    '--root',
    root,
    DUMP(),
  ];
  beforeEach(() => void put(`boot/vmlinux-${RELEASE}`, VMLINUX));

  test('SIGTERM reaches the debugger, whose exit code is ours', async () => {
    put(
      'bin/crash',
      `#!/bin/sh\ntrap 'echo term; exit 9' TERM\necho ready\nwhile :; do /bin/sleep 0.05; done\n`,
      0o755,
    );
    const [command, ...args] = kdumpling();
    const child = spawn(command!, [...args, '--batch', BATCH()], {
      env: { ...process.env, PATH: `${root}/bin` },
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let text = '';
    child.stdout!.on('data', (chunk: Buffer) => {
      text += chunk;
      if (text === 'ready\n') child.kill('SIGTERM');
    });
    const code = await new Promise(resolve => child.once('close', resolve));
    expect(text).toBe('ready\nterm\n');
    expect(code).toBe(9);
  });

  test('Ctrl-C on a terminal interrupts the debugger once, and does not end it', async () => {
    put(
      'bin/crash',
      `#!/bin/sh\ntrap 'echo interrupted' INT\necho ready\nread line || read line\necho "read $line"\nexit 5\n`,
      0o755,
    );
    // Without exec, the shell between would say that it was interrupted.
    const words = kdumpling()
      .map(word => `'${word}'`)
      .join(' ');
    const child = spawn('/usr/bin/script', ['-qefc', `exec ${words}`, '/dev/null'], {
      env: { ...process.env, PATH: `${root}/bin`, SHELL: '/bin/sh' },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    let text = '';
    child.stdout!.on('data', (chunk: Buffer) => {
      const had = text;
      text += chunk;
      if (text.includes('ready') && !had.includes('ready')) child.stdin!.write('\x03');
      if (text.includes('interrupted') && !had.includes('interrupted')) child.stdin!.write('quit\n');
    });
    const code = await new Promise(resolve => child.once('close', resolve));
    expect(text.match(/interrupted/g)).toHaveLength(1);
    expect(text).toContain('read quit');
    expect(code).toBe(5);
  });
});
