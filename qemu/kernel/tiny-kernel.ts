/** Kernels for trying `--kernel PATH`: Debian's source, configured for the lab and for nothing else. */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { announced, type Cache, withLock } from '../../build/cache.ts';
import { openApt, resolvePackage } from '../../build/fetch/apt.ts';
import { runInTree, unpackBuildTree, unpackedBuildTree } from '../../build/fetch/build-tree.ts';

const SOURCE = 'linux-source-6.1';
const BUILD_DEPENDS =
  'gcc flex bison libelf-dev bc perl diffutils gzip xz-utils tar kmod cpio debianutils bash dwarves python3'.split(
    ' ',
  );

/** What each kernel has beyond `make tinyconfig`, in this order. */
const FRAGMENTS = {
  modules: ['tiny.config', 'tiny-modules.config'],
  'built-in': ['tiny.config', 'tiny-built-in.config'],
} as const;

/** `modules`: two drivers are modules, and it has BTF. `built-in`: a kernel that cannot load modules, without types or symbols. */
export type TinyKernelName = keyof typeof FRAGMENTS;

/** Written last, so that a build directory without it is known to be unfinished. */
const STAMP = 'kdumpling-lab.built';

/**
 * Returns the build directory: a folder of its own in the source tree (`make O=`). Minutes on two CPUs, once for each
 * configuration and version of the source; a build that was interrupted goes on where it was.
 */
export async function buildTinyKernel(cache: Cache, name: TinyKernelName = 'modules'): Promise<string> {
  return withLock(cache, `source-${SOURCE}`, async () => {
    const { path: source, record, run } = await openSource(cache);
    const config = FRAGMENTS[name]
      .map(file => readFileSync(join(import.meta.dirname, file), 'utf8'))
      .join('');
    const folder = `tiny-${name}-${digest(config, record)}`;
    const build = join(source, folder);
    if (existsSync(join(build, STAMP))) return build;
    removeOthers(source, `tiny-${name}-`, folder);
    mkdirSync(build, { recursive: true });
    writeFileSync(join(build, 'lab.config'), config);
    await announced(cache, `building the kernel ${folder} (about ten minutes)`, () =>
      run(commands(folder, name).join(' && ')),
    );
    writeFileSync(join(build, STAMP), '');
    return build;
  });
}

export interface KernelSource {
  /** On this machine. */
  readonly path: string;
  /** The text that says which version it is. */
  readonly record: string;
  /** Runs a shell command in the source, with its compiler and with this machine's /tmp. */
  readonly run: (command: string) => Promise<void>;
}

export function kernelSource(cache: Cache): Promise<KernelSource> {
  return withLock(cache, `source-${SOURCE}`, () => openSource(cache));
}

/** Hold the lock around it. */
async function openSource(cache: Cache): Promise<KernelSource> {
  const dir = join(cache.dir, 'sources', SOURCE);
  const root = unpackedBuildTree(dir) ?? (await unpackSource(cache, dir));
  const path = join(root, 'usr/src', SOURCE);
  if (!existsSync(path)) {
    await announced(cache, `unpacking the source of ${SOURCE}`, () => inTree(root, UNTAR));
  }
  const record = readFileSync(join(dir, 'record.json'), 'utf8');
  return { path, record, run: command => inTree(root, `cd ${SOURCE} && ${command}`) };
}

const UNTAR = [
  `rm -rf ${SOURCE}.partial`,
  `mkdir ${SOURCE}.partial`,
  `tar -C ${SOURCE}.partial --strip-components=1 -xf ${SOURCE}.tar.xz`,
  `mv ${SOURCE}.partial ${SOURCE}`,
].join(' && ');

/** An option that Kconfig left out, for want of another, is an error here and not a kernel that lacks it. */
const MISSING_OPTIONS =
  'while read -r line; do case $line in CONFIG_*) grep -qxF "$line" .config || echo "$line is not in .config" >&2;; esac; done < lab.config';

function commands(folder: string, name: TinyKernelName): string[] {
  const make = `make O=${folder} -j${cpus().length}`;
  return [
    // A finished .config stays: a newer one would build everything again.
    `{ test -e ${folder}/configured || { ${make} tinyconfig && cat ${folder}/lab.config >> ${folder}/.config && ${make} olddefconfig && touch ${folder}/configured; }; }`,
    `(cd ${folder} && missing=$({ ${MISSING_OPTIONS}; } 2>&1) && if [ -n "$missing" ]; then echo "$missing" >&2; rm -f configured; exit 1; fi)`,
    `${make} ${name === 'modules' ? 'bzImage modules' : 'bzImage'}`,
  ];
}

function digest(...texts: readonly string[]): string {
  const hash = createHash('sha256');
  for (const text of texts) hash.update(text);
  return hash.digest('hex').slice(0, 12);
}

/** Builds of an earlier configuration or source: each has some hundred megabytes. */
function removeOthers(source: string, prefix: string, kept: string): void {
  for (const other of readdirSync(source)) {
    if (other.startsWith(prefix) && other !== kept) rmSync(join(source, other), { recursive: true });
  }
}

async function unpackSource(cache: Cache, dir: string): Promise<string> {
  const apt = await openApt(cache, 'bookworm');
  return unpackBuildTree(apt, dir, { main: await resolvePackage(apt, SOURCE), others: BUILD_DEPENDS });
}

function inTree(root: string, command: string): Promise<void> {
  return runInTree(root, `build ${SOURCE}`, `cd /usr/src && { ${command}; } > /dev/null`);
}
