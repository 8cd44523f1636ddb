/** A machine in a folder: files as the tests write them, commands as functions. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { afterEach } from 'vitest';
import { type Host, openHost } from '../../scripts/lib/host/host.ts';

/** A text is a file, a byte a character, `-> path` a link, and what ends in / a directory. */
export type Files = Readonly<Record<string, string>>;
export type Commands = Readonly<Record<string, (args: readonly string[], host: Host) => string | undefined>>;

const roots: string[] = [];
afterEach(() => {
  for (const root of roots.splice(0)) rmSync(root, { recursive: true, force: true });
});

/** A command that is given here is installed below /usr/sbin; what it returns is its output, undefined its failure. */
export function hostWith(files: Files, commands: Commands = {}): Host & { ran: string[] } {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'kdumpling-host-')));
  roots.push(root);
  const ran: string[] = [];
  const host: Host = openHost(root, (command, args) => {
    const name = command.split('/').at(-1)!;
    ran.push([name, ...args].join(' '));
    const stdout = commands[name]?.(args, host);
    return stdout === undefined
      ? { status: 1, stdout: '', stderr: `${name}: it failed` }
      : { status: 0, stdout, stderr: '' };
  });
  addFiles(host, { '/tmp/': '', ...files });
  for (const name of Object.keys(commands)) {
    addFiles(host, { [`/usr/sbin/${name}`]: '#!/bin/false\n' });
    chmodSync(host.path(`/usr/sbin/${name}`), 0o755);
  }
  return { ...host, ran };
}

export function addFiles(host: Host, files: Files): void {
  for (const [path, text] of Object.entries(files)) {
    const file = host.entry(path);
    if (path.endsWith('/')) {
      mkdirSync(file, { recursive: true });
      continue;
    }
    mkdirSync(dirname(file), { recursive: true });
    if (text.startsWith('-> ')) {
      // Relative like those of sysfs, which whoever reads the folder without a host can follow.
      const to = text.slice(3);
      symlinkSync(to.startsWith('/') ? relative(dirname(file), host.entry(to)) : to, file);
    } else writeFileSync(file, text, 'latin1');
  }
}

export function textOf(host: Host, path: string): string {
  return readFileSync(host.path(path), 'utf8');
}

/** Each file below the root's `folders` with its digest: two that are equal are the same files with the same bytes. */
export function digestsOf(host: Host, ...folders: readonly string[]): string {
  const script = 'find "$@" -type f -print0 | sort -z | xargs -0 sha256sum';
  return execFileSync('sh', ['-c', script, 'sh', ...folders], { cwd: host.root, encoding: 'utf8' });
}
