/** The runtime image: the pinned Node, the FFI, and the libraries that both need, as one compressed read-only file system. */
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  existsSync,
  linkSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { $ } from 'zx';
import { CODECS } from '../capture/codecs/table.ts';
import { Failure } from '../capture/errors.ts';
import { FFI_FILE, NODE_COMMAND, RUNTIME } from '../capture/options/runtime.ts';
import { replaceFile, replaceFileMadeBy } from '../capture/storage/place/durable-file.ts';
import { publishDir } from './cache.ts';
import { cutNode, NODE_CUTS } from './node/cuts.ts';
import { DEADLOCK_MODE, ignoreDeadlocks } from './node/deadlock-check.ts';
import { functionsOf } from './node/functions.ts';
import { cutIcuData, KEPT_ICU_ITEMS } from './node/icu.ts';
import { orderPages } from './node/page-order.ts';
import { type NodeProfile, type PageRun, PROFILED_PAGE_BYTES, profileOf } from './node/page-profile.ts';
import { cutUnusedCode, UNUSED_CODE } from './node/unused-code.ts';
import { type Parts, sharedLibraries } from './parts/parts.ts';

/**
 * 26 MB of zstd. A page that is touched brings its block into memory: of Node, whose touched pages are together, nothing but these,
 * and of a library much that nobody uses. With blocks of 128 KiB the image has 1 MB less, and where memory is short more is read again.
 * No kernel mounts an image whose blocks are smaller than its pages (Linux fs/squashfs/super.c, squashfs_fill_super).
 */
export const BLOCK_KIB = 64;

const SQUASHFS_FLAGS = ['-comp', 'zstd', '-Xcompression-level', '19'];
const REPRODUCIBLE_FLAGS = ['-all-root', '-all-time', '0', '-mkfs-time', '0', '-no-xattrs', '-noappend'];

/** Where Node is in the folder that the packages install. */
const NODE = 'bin/node';

/** Path in the image, from its root or from the crash kernel's -> path of its source here. */
export type RuntimeFiles = ReadonlyMap<string, string>;

export function runtimeFiles(parts: Parts): RuntimeFiles {
  const { node, koffi, loader, platform } = parts;
  const folder = platform.libraries;
  const codecs = CODECS.flatMap(({ libraries }) => libraries.map(soname => requireLibrary(parts, soname)));
  // Repairs the target where the policy lets it (capture/init/fsck.ts): 0.5 MB in the image.
  const e2fsck = parts.command('e2fsck');
  const roots = [node, koffi, ...codecs, ...(e2fsck ? [e2fsck] : [])];
  const libraries = new Map(roots.flatMap(file => [...sharedLibraries(parts, file)]));
  return new Map([
    [NODE, node],
    ...(e2fsck ? [['sbin/e2fsck', e2fsck] as [string, string]] : []),
    [platform.loader.slice(1), loader],
    ...codecs.map((path): [string, string] => [`${folder}/${basename(path)}`, path]),
    ...[...libraries].map(([soname, path]): [string, string] => [`${folder}/${soname}`, path]),
  ]);
}

/**
 * Builds the image, beside it one without code that captures do not use, and the folder with its contents, unless they exist and were made of the same files. Takes
 * half a minute. The folder has the whole Node, which the host command runs on.
 * @returns the path of the image, which is beside the folder `runtime` in the build's own.
 */
export async function buildRuntime(parts: Parts, say: (line: string) => void): Promise<string> {
  const files = runtimeFiles(parts);
  const folder = join(parts.dist, 'runtime');
  const image = `${folder}.squashfs`;
  const usedImage = `${folder}-used.squashfs`;
  const profile = profileFor(parts);
  const wanted = digestOf(new Map([...files, [FFI_FILE, parts.koffi]]), profile);
  const stamp = `${image}.sha256`;
  const made = [folder, image, stamp, ...(profile ? [usedImage] : [])];
  if (made.every(path => existsSync(path)) && readFileSync(stamp, 'utf8') === wanted) return image;
  say('packing Node into the runtime image (once, about a minute) …');
  // Without a stamp, the remains of an interrupted build are ignored.
  rmSync(stamp, { force: true });
  await publishDir(folder, async staging => {
    for (const [path, source] of files) {
      mkdirSync(join(staging, path, '..'), { recursive: true });
      copyFileSync(source, join(staging, path));
    }
    await $`${parts.strip} ${join(staging, NODE)}`;
    const packing = { parts, blockKib: BLOCK_KIB, touched: profile?.usual };
    await packImage(staging, image, packing);
    if (profile) await packImage(staging, usedImage, { ...packing, used: profile.all });
    else rmSync(usedImage, { force: true });
  });
  replaceFile(stamp, wanted);
  return image;
}

export interface Packing {
  readonly parts: Parts;
  readonly blockKib: number;
  /** Pages of Node to put first; undefined leaves them in their own order. */
  readonly touched: readonly PageRun[] | undefined;
  /** Leaves code out that no capture needs, except from these pages (node/unused-code.ts); undefined for a whole Node. */
  readonly used?: readonly PageRun[];
}

/**
 * Packs a runtime folder into an image. There Node lacks what no capture reaches (node/icu.ts, node/cuts.ts), and is started as
 * capture/options/runtime.ts says.
 */
export async function packImage(
  folder: string,
  image: string,
  { parts, blockKib, touched, used }: Packing,
): Promise<void> {
  const cut = `${image}.partial`;
  try {
    rmSync(cut, { recursive: true, force: true });
    for (const path of runtimeFiles(parts).keys()) {
      if (path === NODE) continue;
      mkdirSync(join(cut, path, '..'), { recursive: true });
      linkSync(join(folder, path), join(cut, path));
    }
    const node = readFileSync(join(folder, NODE));
    cutIcuData(node);
    cutNode(node);
    // Only the official binary has symbols; what is in the folder was stripped.
    const whole = readFileSync(parts.node);
    ignoreDeadlocks(node, whole);
    if (used) cutUnusedCode(node, functionsOf(whole), used, PROFILED_PAGE_BYTES);
    const [starter, program] = NODE_COMMAND.map(path => join(cut, relative(RUNTIME, path)));
    const ordered = touched ? orderPages(node, touched, PROFILED_PAGE_BYTES) : node;
    writeFileSync(program!, ordered, { mode: 0o755 });
    // The host command has its own, beside it.
    copyFileSync(parts.koffi, join(cut, relative(RUNTIME, FFI_FILE)));
    mkdirSync(dirname(starter!), { recursive: true });
    symlinkSync(relative(dirname(starter!), join(cut, parts.platform.loader)), starter!);
    const flags = [...SQUASHFS_FLAGS, '-b', `${blockKib}K`, ...REPRODUCIBLE_FLAGS, '-quiet', '-no-progress'];
    await replaceFileMadeBy(image, temporary => $`mksquashfs ${cut} ${temporary} ${flags}`.quiet());
  } finally {
    rmSync(cut, { recursive: true, force: true });
  }
}

/** Undefined where nobody has looked which pages of this Node a capture touches, or where kernels have larger pages as well. */
function profileFor({ node, platform }: Parts): NodeProfile | undefined {
  return platform.largestPageKib * 1024 === PROFILED_PAGE_BYTES ? profileOf(node) : undefined;
}

function requireLibrary({ platform, library }: Parts, soname: string): string {
  const path = library(soname);
  if (path) return path;
  throw new Failure('LIBRARY_MISSING', {
    action: `put ${soname} into the runtime image`,
    actual: `there is none for ${platform.debian}`,
    wanted: 'the package that holds it installed',
  });
}

function digestOf(files: RuntimeFiles, profile: NodeProfile | undefined): string {
  const flags = [...SQUASHFS_FLAGS, BLOCK_KIB, ...REPRODUCIBLE_FLAGS];
  const hash = createHash('sha256').update(
    [
      ...flags,
      KEPT_ICU_ITEMS.source,
      ...NODE_CUTS,
      DEADLOCK_MODE,
      ...UNUSED_CODE,
      ...NODE_COMMAND,
      JSON.stringify(profile),
    ].join(' '),
  );
  for (const [path, source] of files) hash.update(`\0${path}\0`).update(readFileSync(source));
  return hash.digest('hex');
}
