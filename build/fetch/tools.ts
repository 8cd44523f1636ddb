/**
 * Tools of other Debian releases, each in a tree of its own with all its libraries, run with the tree's own loader: the
 * host's libc is neither needed nor touched. The judges of dumps come from here, and what goes into the guest's disk.
 */
import { existsSync, realpathSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { $ } from 'zx';
import { SystemError } from '../../capture/errors.ts';
import { announced, type Cache, publishDir, withLock } from '../cache.ts';
import {
  type Apt,
  discard,
  downloadClosure,
  findPackage,
  HOST_ARCHITECTURE,
  openApt,
  resolvePackages,
} from './apt.ts';
import type { PackageInfo } from './apt-output.ts';
import { TRIPLETS } from './architectures.ts';
import { unpackDebs } from './deb.ts';
import type { SuiteName } from './sources.ts';

interface ToolOrigin {
  readonly package: string;
  /** Tried in order. sid is never older than forky, which stands in when a package is out of sid for a while. */
  readonly suites: readonly SuiteName[];
  readonly binary: string;
  /** Packages beside it, which it does not depend on. */
  readonly with?: readonly string[];
  /** Folders of the tree with libraries, which its loader does not look into by itself. */
  readonly libraries?: readonly string[];
  /** Folders of the tree that it needs to know: the name of an environment variable, and the path. */
  readonly folders?: Readonly<Record<string, string>>;
  /** A Python module: the binary is the tree's own interpreter, which must look for its library in the tree. */
  readonly python?: true;
}

export const TOOL_ORIGINS = {
  /** crash 8 shows 3 of 58 tasks of a 6.1.192 with exit code 0: only 9 is a judge. */
  crash: { package: 'crash', suites: ['sid', 'forky'], binary: 'usr/bin/crash' },
  /** Debian 12's own 8.0.2 and Debian 13's 8.0.6: what their users have. */
  'crash-bookworm': { package: 'crash', suites: ['bookworm'], binary: 'usr/bin/crash' },
  'crash-trixie': { package: 'crash', suites: ['trixie'], binary: 'usr/bin/crash' },
  /** Without Python: it need not find a library of its own. */
  gdb: { package: 'gdb-minimal', suites: ['sid', 'forky'], binary: 'usr/bin/gdb' },
  makedumpfile: { package: 'makedumpfile', suites: ['sid', 'forky'], binary: 'usr/bin/makedumpfile' },
  /** Debian 12's own 1.7.2: the peer that its users have. */
  'makedumpfile-bookworm': { package: 'makedumpfile', suites: ['bookworm'], binary: 'usr/bin/makedumpfile' },
  /** 0.0.22 (Debian 12) finds no crash stack from 6.12 on. */
  drgn: { package: 'python3-drgn', suites: ['sid', 'forky'], binary: 'usr/bin/python3', python: true },
  /** 0.5.1 (Debian 12) crashes on a dump that was cut off. */
  libkdumpfile: {
    package: 'python3-pykdumpfile',
    suites: ['sid', 'forky'],
    binary: 'usr/bin/python3',
    python: true,
  },
  /** The server that uploads are tested against: its WebDAV module is built in. Not installed, where it would serve. */
  nginx: { package: 'nginx', suites: ['bookworm'], binary: 'usr/sbin/nginx' },
  /** The server of debug symbols, and its own client. Not installed, where it would serve. */
  debuginfod: { package: 'debuginfod', suites: ['bookworm'], binary: 'usr/bin/debuginfod' },
  /** What support asks for: it is to find our files. */
  sos: { package: 'sosreport', suites: ['sid', 'forky'], binary: 'usr/bin/python3', python: true },
  /** What the report's page is looked at in. It finds its data beside its program: test/support/browser.ts. */
  chromium: {
    package: 'chromium-headless-shell',
    suites: ['bookworm'],
    binary: 'usr/lib/chromium/chromium-headless-shell',
    libraries: ['usr/lib/x86_64-linux-gnu/pulseaudio'],
  },
  /** What reads the snippets for Fedora CoreOS and for cloud images. */
  ignition: { package: 'ignition', suites: ['bookworm'], binary: 'usr/bin/ignition-validate' },
  'cloud-init': { package: 'cloud-init', suites: ['bookworm'], binary: 'usr/bin/python3', python: true },
  /** What writes the boot entries of Fedora CoreOS; a Python asks its library. */
  ostree: { package: 'ostree', suites: ['bookworm'], binary: 'usr/bin/ostree', with: ['python3'] },
  /** kernel-install, which writes the boot entries of systemd-boot. */
  systemd: { package: 'systemd', suites: ['bookworm'], binary: 'usr/bin/bootctl' },
  /** What reads and writes GRUB's files. */
  grub: { package: 'grub-common', suites: ['bookworm'], binary: 'usr/bin/grub-script-check' },
  /** What packs for Fedora, and what installs that into a root. */
  rpmbuild: {
    package: 'rpm',
    suites: ['bookworm'],
    binary: 'usr/bin/rpmbuild',
    folders: { RPM_CONFIGDIR: 'usr/lib/rpm' },
  },
  /** Goes into the guest's disk. */
  'kexec-bookworm': { package: 'kexec-tools', suites: ['bookworm'], binary: 'sbin/kexec' },
} as const satisfies Record<string, ToolOrigin>;
export type ToolName = keyof typeof TOOL_ORIGINS;

export interface Tool {
  readonly name: ToolName;
  /** Of the Debian package. */
  readonly version: string;
  /** The unpacked tree. */
  readonly root: string;
  /** What to put before the tool's own arguments: [ld.so, --library-path, DIRS, BINARY]. */
  readonly argv: readonly string[];
  /** What it needs in its environment. */
  readonly env: Readonly<Record<string, string>>;
}

/** A file for the guest's disk: from the cache, to this absolute path. */
export interface GuestFile {
  readonly source: string;
  readonly path: string;
}

/** The tool from the cache, or the archive's newest. */
export async function fetchTool(cache: Cache, name: ToolName, { refresh = false } = {}): Promise<Tool> {
  const dir = join(cache.dir, 'tools', name);
  return withLock(cache, `tool-${name}`, async () => {
    if (existsSync(join(dir, 'record.json')) && !refresh) return openTool(name, dir);
    const { apt, info } = await resolveTool(cache, name, refresh);
    if (existsSync(join(dir, 'record.json'))) {
      const present = await openTool(name, dir);
      if (present.version === info.version) return present;
    }
    const origin: ToolOrigin = TOOL_ORIGINS[name];
    const others = await resolvePackages(apt, origin.with ?? []);
    const debs = await downloadClosure(apt, [info, ...others]);
    await publishDir(dir, partial =>
      announced(cache, `unpacking ${info.name} ${info.version}`, async () => {
        await unpackDebs(debs, join(partial, 'root'));
        const { version, sha256 } = info;
        const record = {
          package: info.name,
          version,
          sha256,
          suite: apt.suite,
          fetchedAt: new Date().toISOString(),
        };
        await writeFile(join(partial, 'record.json'), `${JSON.stringify(record, null, 2)}\n`);
      }),
    );
    await discard(debs);
    return openTool(name, dir);
  });
}

/** kexec with its libraries and loader, from bookworm: runs in any guest that has these files and nothing else. */
export async function fetchGuestTools(cache: Cache): Promise<{ version: string; files: GuestFile[] }> {
  const { version, argv, root } = await fetchTool(cache, 'kexec-bookworm');
  return { version, files: await guestFiles(root, argv) };
}

async function resolveTool(
  cache: Cache,
  name: ToolName,
  refresh: boolean,
): Promise<{ apt: Apt; info: PackageInfo }> {
  const origin: ToolOrigin = TOOL_ORIGINS[name];
  for (const suite of origin.suites) {
    const apt = await openApt(cache, suite, { refresh });
    const info = await findPackage(apt, origin.package);
    if (info) return { apt, info };
  }
  throw new SystemError('NO_PACKAGE', {
    action: `find ${origin.package}`,
    actual: `none in ${origin.suites.join(', ')}`,
    wanted: 'one of these suites to have it',
  });
}

async function openTool(name: ToolName, dir: string): Promise<Tool> {
  const { version } = JSON.parse(await readFile(join(dir, 'record.json'), 'utf8')) as { version: string };
  const root = join(dir, 'root');
  const libraries = libraryDirs(root);
  const loader = await findLoader(libraries, root);
  const { binary, python, folders = {}, libraries: others = [] }: ToolOrigin = TOOL_ORIGINS[name];
  const searched = [...libraries, ...others.map(dir => join(root, dir))];
  const variables = Object.entries(folders).map(([variable, path]) => [variable, join(root, path)]);
  return {
    name,
    version,
    root,
    argv: [loader, '--library-path', searched.join(':'), join(root, binary)],
    env: { ...Object.fromEntries(variables), ...(python ? pythonEnvironment(root) : {}) },
  };
}

/** A Python that is started by a loader cannot find its library by its own path. It must leave no caches in the tree. */
function pythonEnvironment(root: string): Record<string, string> {
  return {
    PYTHONHOME: join(root, 'usr'),
    PYTHONPATH: join(root, 'usr/lib/python3/dist-packages'),
    PYTHONDONTWRITEBYTECODE: '1',
    PYTHONNOUSERSITE: '1',
  };
}

/** Before and after the merge of / and /usr, both exist in an unpacked tree. */
function libraryDirs(root: string): string[] {
  const triplet = TRIPLETS[HOST_ARCHITECTURE];
  return [`lib/${triplet}`, `usr/lib/${triplet}`].map(dir => join(root, dir)).filter(dir => existsSync(dir));
}

async function findLoader(libraries: readonly string[], root: string): Promise<string> {
  for (const dir of libraries) {
    const name = (await readdir(dir)).find(file => /^ld-linux-.*\.so\.\d+$/.test(file));
    if (name) return join(dir, name);
  }
  throw new SystemError('NO_LOADER', {
    action: 'run a tool of its own tree',
    actual: `no ld-linux-*.so in ${root}`,
    wanted: 'libc6 among the unpacked packages',
  });
}

/** The libraries as the loader itself resolves them, at the paths where a Debian guest's loader looks for them. */
async function guestFiles(root: string, argv: readonly string[]): Promise<GuestFile[]> {
  const [loader, , libraries, binary] = argv as readonly [string, string, string, string];
  const { stdout } = await $({ quiet: true })`${loader} --library-path ${libraries} --list ${binary}`;
  const triplet = libraries.split(':')[0]!.split('/').at(-1)!;
  const resolved = [...stdout.matchAll(/^\s*(\S+\.so\S*) => (\/\S+)/gm)];
  return [
    { source: binary, path: binary.slice(root.length) },
    { source: realpathSync(loader), path: interpreterOf(await readFile(binary)) },
    ...resolved
      .filter(([, name]) => !name!.startsWith('/'))
      .map(([, name, path]) => ({ source: realpathSync(path!), path: `/lib/${triplet}/${name}` })),
  ];
}

/** The path in PT_INTERP: where the kernel will look for the loader. */
function interpreterOf(elf: Buffer): string {
  const PT_INTERP = 3;
  const [phoff, phentsize, phnum] = [
    Number(elf.readBigUInt64LE(32)),
    elf.readUInt16LE(54),
    elf.readUInt16LE(56),
  ];
  for (let i = 0; i < phnum; i++) {
    const at = phoff + i * phentsize;
    if (elf.readUInt32LE(at) !== PT_INTERP) continue;
    const [offset, sizeBytes] = [Number(elf.readBigUInt64LE(at + 8)), Number(elf.readBigUInt64LE(at + 32))];
    return elf.toString('latin1', offset, offset + sizeBytes - 1);
  }
  throw new SystemError('NO_INTERP', {
    action: 'find the loader of a guest tool',
    actual: 'it has no PT_INTERP',
    wanted: 'a dynamically linked executable',
  });
}
