/** A root with files of its own and this machine's programs: another system's commands are really run in it. */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Host, openHost } from '../../scripts/lib/host/host.ts';
import { addFiles, type Files } from './host-root.ts';

const FOLDERS = [
  'boot',
  'dev',
  'etc/kernel',
  'proc',
  'run',
  'tmp',
  'usr/bin',
  'usr/sbin',
  'usr/lib',
  'var/tmp',
];
const MERGED = ['bin', 'sbin', 'lib', 'lib64'];

/** Runs a command in the root: this machine's /usr is mounted below the root's own, in a mount namespace that ends with it. */
const IN_ROOT = `set -e
  mount -t overlay overlay -o lowerdir="$0/usr":/usr "$0/usr"
  mount --bind /dev "$0/dev"
  exec chroot "$0" "$@"`;

export interface RealRoot extends Host {
  /** Runs a command that must succeed. */
  must(command: string, ...args: string[]): string;
}

/**
 * The caller removes it. Needs root.
 * @param programs files and folders to copy into it: from this machine's path, to the root's.
 * @param instead what runs a command of the root that cannot run in it.
 */
export function makeRealRoot(
  files: Files,
  programs: Readonly<Record<string, string>>,
  instead: Readonly<Record<string, Host['run']>> = {},
): RealRoot {
  const root = mkdtempSync(join(tmpdir(), 'kdumpling-root-'));
  for (const folder of FOLDERS) mkdirSync(join(root, folder), { recursive: true });
  for (const name of MERGED) symlinkSync(join('usr', name), join(root, name));
  mkdirSync(join(root, 'usr/lib64'));
  for (const [from, to] of Object.entries(programs)) cpSync(from, join(root, to), { recursive: true });
  const host = openHost(root, (command, args) => {
    const name = command.split('/').at(-1)!;
    return instead[name]?.(command, args) ?? runIn(root, command, args);
  });
  addFiles(host, files);
  for (const name of Object.keys(instead)) {
    addFiles(host, { [`/usr/bin/${name}`]: '' });
    chmodSync(host.path(`/usr/bin/${name}`), 0o755);
  }
  const must = (command: string, ...args: string[]) => {
    const { status, stdout, stderr } = host.run(command, args);
    if (status !== 0) throw new Error(`${command} ${args.join(' ')}: ${stderr || stdout}`);
    return stdout;
  };
  return { ...host, must };
}

function runIn(root: string, command: string, args: readonly string[]) {
  const argv = ['--mount', 'sh', '-c', IN_ROOT, root, command, ...args];
  const { status, stdout, stderr } = spawnSync('unshare', argv, {
    encoding: 'utf8',
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
  });
  return { status: status ?? undefined, stdout, stderr };
}
