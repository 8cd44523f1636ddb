/** The dump-capture initrd: the list of what it holds, and how it is written. */
import { createHash, type Hash } from 'node:crypto';
import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { Failure } from '../capture/errors.ts';
import { AGAIN_SCRIPT, FFI_FILE, NODE_COMMAND, START_PROGRAM } from '../capture/options/runtime.ts';
import {
  type CaptureOptions,
  checkOptions,
  GRACE_SECONDS,
  MODULE_PATH,
  PROGRESS_FILE,
} from '../capture/options/schema.ts';
import {
  fileSystemsOf,
  optionModulesOf,
  parseTargetSpec,
  targetSpec,
} from '../capture/options/target-spec.ts';
import { replaceFile } from '../capture/storage/place/durable-file.ts';
import { type CpioEntry, encodeCompressedCpio, encodeCpio, firstBodyOffset } from './cpio.ts';
import {
  COMPRESSED_SWAP_DRIVERS,
  RUNTIME_DRIVERS,
  SOFT_WATCHDOG,
  targetModules,
  WATCHDOG_DRIVERS,
} from './drivers.ts';
import { KEPT_IMAGE, keepsImage } from './kept-image.ts';
import type { Layout } from './layouts.ts';
import { isNetworkModule, type ModuleTree, moduleName, openModuleTree } from './modules.ts';

/**
 * So many pages read again between two beats of the program are thrashing: 512 MiB, which is all of Node's code that a capture
 * touches some 12 times over. Until its first beat a capture with 112M on Linux 6.12 reads 6,000 again.
 */
const MOST_REFAULTS = 2 ** 17;

/**
 * So many searches of the kernel's for pages to free that found none, between two beats. A capture with little memory makes fewer
 * than it frees pages.
 */
const MOST_VAIN_SEARCHES = 2 ** 12;

/**
 * With so much memory available before Node starts, a capture and its autopsy have enough without compressing any: they take
 * 50 MiB of their own at most.
 */
const COMPRESS_BELOW_KIB = 64 << 10;

/**
 * With so much memory available before Node starts, V8's code caches are read: 1.3 MB in files until they are, and once more in the
 * two programs. With 128M reserved, 6.1 for clouds has 53 MiB then, and 20 of them stay; with 112M it has 37.
 */
const CODE_CACHES_FROM_KIB = 48 << 10;

/** What may be swapped, before it is compressed: all that a capture and its autopsy have. The kernel's table for it takes 0.3 MB. */
const SWAP_BYTES = 48 << 20;

/**
 * After so long without a line of the capture's, the supervisor writes one: with its own pause and a busy machine's delays, each
 * minute has one.
 */
const STATUS_SECONDS = 50;

/** What a capture touches of Node (test/bench/RESULTS.md), in steps of a block of the runtime image. */
const TOUCHED_NODE_KIB = 18 << 10;

export class ImageError extends Failure {}

/** The files of a build that go into images; `programIn` finds them. */
export const PROGRAM_FILES = {
  start: 'start.js',
  capture: 'capture.js',
  autopsy: 'autopsy.js',
  /** V8's code caches of these two, where the program's Node runs on the machine that builds. */
  captureCode: 'capture.js.cache',
  autopsyCode: 'autopsy.js.cache',
  thread: 'dump-thread.js',
  runtime: 'runtime.squashfs',
  /** The same without code that no capture was seen to need (build/node/unused-code.ts). */
  usedRuntime: 'runtime-used.squashfs',
  early: 'early.sh',
  earlyFunctions: 'early-functions.sh',
  startNode: 'start-node.sh',
  again: 'again.sh',
  watch: 'watch.sh',
  runtimeImage: 'runtime-image.sh',
  runtimeDisk: 'runtime-disk.sh',
  busybox: 'busybox',
} as const;

/** Those that not every build has. */
const OPTIONAL_FILES = ['usedRuntime', 'captureCode', 'autopsyCode'] as const satisfies Part[];

type Part = keyof typeof PROGRAM_FILES;
type OptionalPart = (typeof OPTIONAL_FILES)[number];

/** The path of each part. */
export type Program = Readonly<
  Record<Exclude<Part, OptionalPart>, string> & Partial<Record<OptionalPart, string>>
>;

const CODE_CACHES = ['captureCode', 'autopsyCode'] as const satisfies Part[];

/** From the root of an image that has it. */
const RUNTIME_FILE = 'runtime.squashfs';
/** Where the package installs it, from the root of the target's file system. */
export const RUNTIME_ON_DISK = `/usr/lib/kdumpling/${RUNTIME_FILE}`;
/** And the one that goes into images, where the build has it. */
export const USED_RUNTIME_ON_DISK = `/usr/lib/kdumpling/${PROGRAM_FILES.usedRuntime}`;

export interface ImageRequest {
  /** Kernel release, for messages and checks. */
  readonly kver: string;
  /** `…/lib/modules/<kver>` */
  readonly modulesDirectory: string;
  readonly program: Program;
  readonly fstype: string;
  /** Disk drivers that the image must hold; undefined for every common one that the kernel has. */
  readonly disks?: readonly string[];
  /** Further modules that the image must hold. */
  readonly extraModules?: readonly string[];
  /** Where Node is; self-contained by default. */
  readonly layout?: Layout;
  /**
   * Whether the target has the package's runtime image (`RUNTIME_ON_DISK`). A self-contained image then holds the code that
   * captures use, and finds the rest there when it is needed after all.
   */
  readonly hasRuntimeOnTarget?: boolean;
  /** Capture options other than `fstype` and `modules`, which buildImage sets. */
  readonly options: { readonly target: string } & Partial<CaptureOptions>;
  readonly output: string;
}

export interface ImageFacts {
  readonly path: string;
  readonly bytes: number;
  /** In hex. */
  readonly sha256: string;
  readonly modules: readonly string[];
  readonly options: CaptureOptions;
}

/** Small heaps and one thread of V8’s: the reservation is small, and further CPUs are for compressing. */
export const NODE_FLAGS: readonly string[] = [
  '--max-semi-space-size=1',
  '--v8-pool-size=1',
  '--max-old-space-size=64',
  '--no-warnings',
  // Of V8's two optimizing compilers the smaller one, Maglev, is enough: it chooses pages in 1.16 of the time that both take,
  // and neither takes ten times as long.
  '--no-opt',
];
/**
 * Where memory is not short (CODE_CACHES_FROM_KIB). V8 counts the window on the vmcore, 8 MiB, and what is shared with the helping
 * process as its own, and may go through its whole heap once for that: a tenth of a second before the dump, where the CPU is emulated.
 */
const ROOMY_FLAGS: readonly string[] = ['--initial-old-space-size=32'];
/** Where there is little work, a compiler's memory and its time on the only CPU do not pay. */
const SMALL_CRASH = { flags: ['--no-maglev'], belowBytes: 8 * 2 ** 30 } as const;
/** The program's code cache is for these. With a larger crash's V8 rejects it. */
export const CACHED_CAPTURE_FLAGS: readonly string[] = [...NODE_FLAGS, ...ROOMY_FLAGS, ...SMALL_CRASH.flags];

/** The parts of a finished build (`npm run build`). @throws ImageError that names the missing file. */
export function programIn(directory: string): Program {
  const isThere = (path: string) => statSync(path, { throwIfNoEntry: false }) !== undefined;
  const paths = Object.entries(PROGRAM_FILES)
    .map(([part, name]) => [part, join(directory, name)] as const)
    .filter(([part, path]) => !OPTIONAL_FILES.some(optional => optional === part) || isThere(path));
  for (const [, path] of paths) {
    if (isThere(path)) continue;
    throw new ImageError('PROGRAM_MISSING', {
      action: 'build a dump-capture initrd',
      actual: `there is no ${path}`,
      wanted: 'a finished build',
      toDo: 'Run `npm run build`',
    });
  }
  return Object.fromEntries(paths) as unknown as Program;
}

/** Writes the image atomically: the old one stays until the new one is complete. The same input gives the same bytes. */
export function buildImage(request: ImageRequest): ImageFacts {
  const tree = openModuleTree(request.modulesDirectory);
  const present = (drivers: readonly string[]) => drivers.filter(driver => tree.has(driver));
  // softdog comes last: its dependencies are loaded with the other drivers, softdog itself only if none of them works.
  const watchdogs = tree.closure(present([...WATCHDOG_DRIVERS, SOFT_WATCHDOG]));
  const { layout = 'self-contained' } = request;
  const isLean = layout === 'lean';
  const isKept = keepsImage(request.kver, layout);
  const target = targetSpec(request.fstype, request.options.target, request.options.mountOptions);
  const runtime = [
    ...(isLean ? targetModules(tree, fileSystemsOf([target]), request.disks) : []),
    ...tree.closure(RUNTIME_DRIVERS),
  ].filter(file => !watchdogs.includes(file));
  const swap = tree
    .closure(present(COMPRESSED_SWAP_DRIVERS))
    .filter(file => !watchdogs.includes(file) && !runtime.includes(file));
  const early = [...watchdogs, ...runtime, ...swap];
  const fallbacks = (request.options.fallbackTargets ?? []).flatMap(text => parseTargetSpec(text) ?? []);
  const targets = [target, ...fallbacks];
  const wanted = [
    ...targetModules(tree, fileSystemsOf(targets), request.disks),
    ...tree.closure([...optionModulesOf(targets), ...(request.extraModules ?? [])]),
  ];
  const late = [...new Set(wanted)].filter(file => !early.includes(file));
  const options = checkOptions({
    ...request.options,
    fstype: request.fstype,
    modules: late.map(pathInImage),
  });
  const modules = [...early, ...late];
  refuseNetwork(modules);
  const { program } = request;
  const runtimeInImage = isLean ? undefined : runtimeFor(request, options);
  const usesDisk = runtimeInImage !== program.runtime;
  const settings = [
    ...earlySettings({ watchdogs, runtime, swap }, options),
    ...(isLean ? leanSettings() : runtimeImageSettings(isKept)),
    ...(usesDisk ? runtimeDiskSettings(program, options) : []),
    ...(usesDisk && !isLean ? againSettings() : []),
    `node='${NODE_COMMAND.join(' ')}'`,
    // Where the build knows which pages a capture touches, they are together.
    `touched_kib=${program.usedRuntime ? TOUCHED_NODE_KIB : 0}`,
    `start=${START_PROGRAM}`,
    `code_caches='${CODE_CACHES.flatMap(part => (program[part] ? [`/${PROGRAM_FILES[part]}`] : [])).join(' ')}'`,
    `code_caches_from_kib=${CODE_CACHES_FROM_KIB}`,
    `target_modules='${options.modules.join(' ')}'`,
  ];
  const archives = [
    encodeCompressedCpio([
      ...imageEntries(program, tree, modules, settings, options),
      ...(usesDisk ? runtimeOnDisk(program, isLean) : []),
    ]),
  ];
  // Compressing the runtime again would win nothing. What is kept comes first, so that its place is known.
  if (runtimeInImage) {
    const entry = (kind: 'file' | 'left in place') => encodeCpio([runtimeEntry(runtimeInImage, kind)]);
    if (isKept) archives.unshift(entry('left in place'));
    else archives.push(entry('file'));
  }
  const hash = createHash('sha256');
  const bytes = replaceFile(request.output, hashed(concatenated(archives), hash), { mode: 0o600 });
  return { path: request.output, bytes, sha256: hash.digest('hex'), modules, options };
}

function* imageEntries(
  program: Program,
  tree: ModuleTree,
  modules: readonly string[],
  settings: readonly string[],
  options: CaptureOptions,
): Generator<CpioEntry> {
  for (const path of ['bin', 'dev', 'etc', 'modules', 'proc', 'run', 'runtime', 'sys', 'target']) {
    yield { kind: 'directory', path, mode: 0o755 };
  }
  // The kernel opens these for PID 1 before anything can be mounted.
  yield { kind: 'device', path: 'dev/console', mode: 0o600, major: 5, minor: 1 };
  yield { kind: 'device', path: 'dev/null', mode: 0o666, major: 1, minor: 3 };
  // Node looks for its loader and libraries in the usual folders; they are stored with the runtime.
  yield { kind: 'symlink', path: 'lib', mode: 0o777, to: 'runtime/lib' };
  yield { kind: 'symlink', path: 'lib64', mode: 0o777, to: 'runtime/lib64' };
  // The FFI, too: there its pages can be dropped, and here never.
  yield { kind: 'symlink', path: basename(FFI_FILE), mode: 0o777, to: FFI_FILE.slice(1) };
  yield { kind: 'file', path: 'init', mode: 0o755, bytes: readFileSync(program.early) };
  yield { kind: 'file', path: 'bin/busybox', mode: 0o755, bytes: readFileSync(program.busybox) };
  yield { kind: 'file', path: 'watch.sh', mode: 0o644, bytes: readFileSync(program.watch) };
  for (const [path, source] of [
    ['early-functions.sh', program.earlyFunctions],
    ['runtime-image.sh', program.runtimeImage],
    ['start-node.sh', program.startNode],
  ] as const)
    yield { kind: 'file', path, mode: 0o644, bytes: readFileSync(source) };
  yield text('etc/early.conf', `${settings.join('\n')}\n`);
  yield text('etc/kdumpling.json', `${JSON.stringify(options, null, 2)}\n`);
  for (const file of modules) {
    yield { kind: 'file', path: pathInImage(file).slice(1), mode: 0o644, bytes: tree.read(file) };
  }
  for (const part of ['start', 'capture', 'autopsy', ...CODE_CACHES, 'thread'] as const) {
    const source = program[part];
    if (source) yield { kind: 'file', path: PROGRAM_FILES[part], mode: 0o644, bytes: readFileSync(source) };
  }
}

function runtimeEntry(runtime: string, kind: 'file' | 'left in place'): CpioEntry {
  return { kind, path: RUNTIME_FILE, mode: 0o644, bytes: readFileSync(runtime) };
}

function* runtimeOnDisk(program: Program, isLean: boolean): Generator<CpioEntry> {
  yield { kind: 'directory', path: 'disk', mode: 0o755 };
  yield { kind: 'file', path: 'runtime-disk.sh', mode: 0o644, bytes: readFileSync(program.runtimeDisk) };
  if (isLean) return;
  yield { kind: 'file', path: AGAIN_SCRIPT.slice(1), mode: 0o644, bytes: readFileSync(program.again) };
  for (const name of ['capture', 'autopsy', 'thread'] as const) {
    const bytes = gzipSync(readFileSync(program[name]), { level: 9 });
    yield { kind: 'file', path: `${PROGRAM_FILES[name]}.gz`, mode: 0o644, bytes };
  }
}

/** The smaller one, where the early stage finds the whole one on the target without Node's help. */
function runtimeFor(
  { program, hasRuntimeOnTarget }: ImageRequest,
  { target }: Pick<CaptureOptions, 'target'>,
): string {
  const { usedRuntime, runtime } = program;
  return usedRuntime && hasRuntimeOnTarget && EARLY_DEVICE.test(target) ? usedRuntime : runtime;
}

/** Shell assignments that early.sh, again.sh and watch.sh read. The values are numbers, fixed flags and checked paths. */
function earlySettings(
  {
    watchdogs,
    runtime,
    swap,
  }: { watchdogs: readonly string[]; runtime: readonly string[]; swap: readonly string[] },
  options: CaptureOptions,
): string[] {
  const paths = (files: readonly string[]) => `'${files.map(pathInImage).join(' ')}'`;
  const isSoft = (file: string) => moduleName(file) === SOFT_WATCHDOG;
  return [
    `deadline=${options.deadlineSeconds}`,
    `grace=${GRACE_SECONDS}`,
    `patience=${options.stallTimeout}`,
    `most_refaults=${MOST_REFAULTS}`,
    `most_vain_searches=${MOST_VAIN_SEARCHES}`,
    `status_seconds=${STATUS_SECONDS}`,
    `progress=${PROGRESS_FILE}`,
    'pause_fifo=/run/pause',
    `watchdog_modules=${paths(watchdogs.filter(file => !isSoft(file)))}`,
    `softdog=${paths(watchdogs.filter(isSoft))}`,
    `modules=${paths(runtime)}`,
    `swap_modules=${paths(swap)}`,
    `swap_bytes=${SWAP_BYTES}`,
    `compress_below_kib=${COMPRESS_BELOW_KIB}`,
    `node_flags='${NODE_FLAGS.join(' ')}'`,
    `roomy_flags='${ROOMY_FLAGS.join(' ')}'`,
    `small_crash_bytes=${SMALL_CRASH.belowBytes}`,
    `small_crash_flags='${SMALL_CRASH.flags.join(' ')}'`,
  ];
}

function runtimeImageSettings(isKept: boolean): string[] {
  return isKept
    ? [`runtime_file=${KEPT_IMAGE}`, `runtime_offset=${firstBodyOffset(RUNTIME_FILE)}`]
    : [`runtime_file=/${RUNTIME_FILE}`, 'runtime_offset=0'];
}

/** What the early stage finds: all it has is busybox's findfs. */
const EARLY_DEVICE = /^(UUID=[0-9A-Fa-f-]+|LABEL=[\w.-]+|\/dev\/[\w./-]+)$/;
const RUNTIME_BELOW_DISK = `/disk${RUNTIME_ON_DISK}`;

function leanSettings(): string[] {
  return [`runtime_file=${RUNTIME_BELOW_DISK}`, 'runtime_offset=0'];
}

/** What again.sh reads beside the others. */
function againSettings(): string[] {
  return [`whole_runtime_file=${RUNTIME_BELOW_DISK}`];
}

/** @throws ImageError for a target that the early stage cannot find. */
function runtimeDiskSettings(
  { runtime }: Program,
  { target, fstype, deviceTimeoutSeconds }: CaptureOptions,
): string[] {
  if (EARLY_DEVICE.test(target)) {
    return [
      `disk_runtime=${superblockDigest(runtime)}`,
      `runtime_device=${target}`,
      `runtime_fstype=${fstype}`,
      `runtime_timeout=${deviceTimeoutSeconds}`,
    ];
  }
  throw new ImageError('LEAN_TARGET', {
    action: `build a lean initrd for ${target}`,
    actual: 'the early stage, which has no Node yet, cannot find a device by that name',
    wanted: 'UUID=…, LABEL=… or /dev/…',
    toDo: 'Name the target so, or use the self-contained layout',
  });
}

/** By which the early stage knows the image again. In hex. */
function superblockDigest(squashfs: string): string {
  const file = openSync(squashfs, 'r');
  try {
    const superblock = Buffer.alloc(SUPERBLOCK_BYTES);
    const bytes = readSync(file, superblock);
    return createHash('sha256').update(superblock.subarray(0, bytes)).digest('hex');
  } finally {
    closeSync(file);
  }
}

/** Linux fs/squashfs/squashfs_fs.h, struct squashfs_super_block. */
const SUPERBLOCK_BYTES = 96;

/** @throws ImageError for a name that the early stage's shell could misread. */
function pathInImage(moduleFile: string): string {
  const path = `/modules/${basename(moduleFile).replace(/\.(xz|zst|gz)$/, '')}`;
  if (MODULE_PATH.test(path)) return path;
  throw new ImageError('MODULE_NAME', {
    action: `include the module ${JSON.stringify(moduleFile)}`,
    actual: 'its name has characters that no module name has',
    wanted: 'letters, digits and . _ + -',
  });
}

function refuseNetwork(modules: readonly string[]): void {
  const network = modules.filter(isNetworkModule);
  if (network.length === 0) return;
  throw new ImageError('NETWORK_MODULE', {
    action: 'build a dump-capture initrd',
    actual: `it would hold network modules: ${network.join(' ')}`,
    wanted: 'no network module, because the capture brings no network up',
    toDo: 'Remove them from extra_modules, or choose a target on a local disk',
  });
}

function* concatenated(archives: Iterable<Iterable<Uint8Array>>): Generator<Uint8Array> {
  for (const archive of archives) yield* archive;
}

function* hashed(pieces: Iterable<Uint8Array>, hash: Hash): Generator<Uint8Array> {
  for (const piece of pieces) {
    hash.update(piece);
    yield piece;
  }
}

function text(path: string, content: string): CpioEntry {
  return { kind: 'file', path, mode: 0o644, bytes: Buffer.from(content) };
}
