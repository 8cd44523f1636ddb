/**
 * What a support engineer gets from `sos report` (Debian's package, run for real), with our dumps in /var/crash. Its
 * kdump plugin has a class for each distribution; Fedora's runs here in a mount namespace that passes for a Fedora.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openCache } from '../../build/cache.ts';
import { fetchTool, type Tool } from '../../build/fetch/tools.ts';
import { onBorrowedHost } from '../support/borrowed-host.ts';

const ID = '20261126T100955Z';
const FILES = ['kexec-dmesg.log', 'manifest.json', 'vmcore', 'vmcore-dmesg.txt'];
const FEDORA = 'NAME="Fedora Linux"\nVERSION="44"\nID=fedora\nVERSION_ID=44\nPRETTY_NAME="Fedora Linux 44"\n';

let dir: string;
let sos: Tool;
beforeAll(async () => {
  sos = await fetchTool(openCache(), 'sos');
  dir = mkdtempSync(join(tmpdir(), 'kdumpling-sos-'));
  for (const folder of [`crash/${ID}`, 'bin', 'etc']) mkdirSync(join(dir, folder), { recursive: true });
  for (const name of FILES) writeFileSync(join(dir, 'crash', ID, name), `this is ${name}\n`, { mode: 0o600 });
  writeFileSync(join(dir, 'etc/kdump.conf'), 'path /var/crash\ncore_collector makedumpfile -z -d 31\n');
  writeFileSync(join(dir, 'etc/os-release'), FEDORA);
  writeFileSync(join(dir, 'etc/redhat-release'), 'Fedora release 44\n');
  // sos gives up on a Fedora without packages.
  writeFileSync(join(dir, 'bin/rpm'), '#!/bin/sh\necho "kexec-tools|2.0.28|1"\n');
  chmodSync(join(dir, 'bin/rpm'), 0o755);
});
afterAll(() => rmSync(dir, { recursive: true }));

/** Runs sos with our dumps at /var/crash. Returns the folder that it would have packed. */
function collect(asFedora: boolean): string {
  const output = join(dir, asFedora ? 'fedora' : 'debian');
  mkdirSync(output);
  const report = [
    join(sos.root, 'usr/bin/sos'),
    'report',
    '--batch',
    '-o',
    'kdump',
    '--build',
    '--no-report',
  ];
  const argv = [...sos.argv, ...report, '--tmp-dir', output, '-k', 'kdump.get-vm-core=on'];
  const files = asFedora ? { etc: join(dir, 'etc'), bin: join(dir, 'bin') } : {};
  const [command, ...args] = onBorrowedHost(dir, { crash: join(dir, 'crash'), ...files }, argv);
  execFileSync(command, args, {
    env: { ...process.env, ...sos.env },
    stdio: 'pipe',
  });
  const [folder] = globSync('sosreport-*', { cwd: output });
  return join(output, folder!);
}

test('on a Fedora: the logs, the dump, the config, a listing of the rest', () => {
  const folder = collect(true);
  for (const name of ['kexec-dmesg.log', 'vmcore-dmesg.txt', 'vmcore'])
    expect(readFileSync(join(folder, 'var/crash', ID, name), 'utf8')).toBe(`this is ${name}\n`);
  expect(readFileSync(join(folder, 'etc/kdump.conf'), 'utf8')).toContain('path /var/crash');
  expect(listing(folder)).toContain('manifest.json');
});

test('on this Debian, where its plugin knows kdump-tools’ names: a listing that shows each file', () => {
  const folder = collect(false);
  for (const name of FILES) expect(listing(folder)).toContain(name);
});

function listing(folder: string): string {
  const [file] = globSync('sos_commands/kdump/ls_*var.crash', { cwd: folder });
  return readFileSync(join(folder, file!), 'utf8');
}
