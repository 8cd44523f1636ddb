/**
 * Compilers and sources of any suite, unpacked with all that they depend on into a tree of their own, in which commands
 * run by chroot: kbuild and compilers find their parts by absolute paths. Nothing is installed.
 */
import { existsSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { $ } from 'zx';
import { SystemError } from '../../capture/errors.ts';
import { announced, publishDir } from '../cache.ts';
import { type Apt, discard, downloadClosure, downloadPackages, resolvePackages } from './apt.ts';
import type { PackageInfo } from './apt-output.ts';
import { unpackDebs } from './deb.ts';

/** Debian takes these for granted: no package depends on them. */
const TOOLS = ['make', 'dash', 'coreutils', 'sed', 'grep', 'mawk', 'findutils', 'libc6-dev'];
/** Before and after the merge of / and /usr, one tree. */
const MERGED = ['bin', 'sbin', 'lib', 'lib64'];
/** The host's, while a command runs. */
const MOUNTED = ['dev', 'proc', 'tmp'];

/** The root of a tree that was unpacked before. */
export function unpackedBuildTree(dir: string): string | undefined {
  return existsSync(join(dir, 'record.json')) ? join(dir, 'root') : undefined;
}

/** What a tree is for, and what is beside it. */
export interface BuildTree {
  readonly main: PackageInfo;
  /** Of another architecture than the tools: `main` comes from here, and what it depends on does not. */
  readonly foreign?: Apt;
  /** Names of packages. */
  readonly others?: readonly string[];
}

/**
 * @param apt that of this machine's architecture.
 * @param dir gets `root/` and `record.json`. Hold a lock around it.
 * @returns the tree's root
 */
export async function unpackBuildTree(
  apt: Apt,
  dir: string,
  { main, foreign, others = [] }: BuildTree,
): Promise<string> {
  const more = await resolvePackages(apt, [...TOOLS, ...others]);
  const debs = [
    ...(foreign ? await downloadPackages(foreign, [main]) : []),
    ...(await downloadClosure(apt, foreign ? more : [main, ...more])),
  ];
  const { name, version, sha256 } = main;
  await publishDir(dir, partial =>
    announced(apt.cache, `unpacking ${name} ${version} with a compiler`, async () => {
      const partialRoot = join(partial, 'root');
      for (const folder of MERGED) {
        await mkdir(join(partialRoot, 'usr', folder), { recursive: true });
        await symlink(`usr/${folder}`, join(partialRoot, folder));
      }
      await unpackDebs(debs, partialRoot);
      await symlink('mawk', join(partialRoot, 'usr/bin/awk'));
      for (const folder of MOUNTED) await mkdir(join(partialRoot, folder), { recursive: true });
      const facts = { package: name, version, sha256, suite: apt.suite, fetchedAt: new Date().toISOString() };
      await writeFile(join(partial, 'record.json'), `${JSON.stringify(facts, null, 2)}\n`);
    }),
  );
  await discard(debs);
  return join(dir, 'root');
}

/** Runs a shell command in the tree, with the host's /tmp. Mounts are private to it and end with it. @throws SystemError */
export async function runInTree(root: string, action: string, command: string): Promise<void> {
  const mounts = MOUNTED.map(name => `mount --rbind /${name} ${join(root, name)} && `).join('');
  const inside = [
    '/usr/bin/env',
    '-i',
    'PATH=/usr/bin:/usr/sbin',
    'HOME=/tmp',
    'LC_ALL=C',
    'sh',
    '-c',
    command,
  ];
  const script = `${mounts}exec chroot ${root} "$@"`;
  const output = await $({ nothrow: true, quiet: true })`unshare --mount sh -c ${script} sh ${inside}`;
  if (output.exitCode === 0) return;
  throw new SystemError('BUILD', {
    action,
    actual: buildErrors(output.stderr) || `it ended with ${output.exitCode}`,
    wanted: 'a source that compiles with these tools',
  });
}

/** The first errors that a compiler or make printed, and not the warnings before them. */
export function buildErrors(stderr: string): string {
  const lines = stderr.trim().split('\n');
  const errors = lines.filter(line => /\berror\b|\*\*\*|not found|No space left/i.test(line));
  return (errors.length > 0 ? errors : lines).slice(0, 3).join(' | ');
}
