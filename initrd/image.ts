/** The dump-capture initrd: the list of what it holds, and how it is written. */
import { createHash, type Hash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Failure } from '../capture/errors.ts';
import { NODE_COMMAND } from '../capture/options/runtime.ts';
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
import { RUNTIME_DRIVERS, SOFT_WATCHDOG, targetModules, WATCHDOG_DRIVERS } from './drivers.ts';
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
const MOST_VAIN_SEARCHES = 2 ** 14;

/**
 * After so long without a line of the capture's, the supervisor writes one: with its own pause and a busy machine's delays, each
 * minute has one.
 */
const STATUS_SECONDS = 50;

export class ImageError extends Failure {}

/** The files of a build that go into images; `programIn` finds them. */
export const PROGRAM_FILES = {
  capture: 'capture.js',
  autopsy: 'autopsy.js',
  thread: 'dump-thread.js',
  koffi: 'koffi.node',
  runtime: 'runtime.squashfs',
  early: 'early.sh',
  watch: 'watch.sh',
  runtimeImage: 'runtime-image.sh',
  runtimeDisk: 'runtime-disk.sh',
  busybox: 'busybox',
} as const;

/** The path of each part. */
export type Program = Readonly<Record<keyof typeof PROGRAM_FILES, string>>;

/** From the root of an image that has it. */
const RUNTIME_FILE = 'runtime.squashfs';
/** Where the package installs it, from the root of the target's file system. */
export const RUNTIME_ON_DISK = `/usr/lib/kdumpling/${RUNTIME_FILE}`;

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
const NODE_FLAGS = [
  '--max-semi-space-size=1',
  '--v8-pool-size=1',
  '--max-old-space-size=64',
  '--no-warnings',
];
/**
 * V8's optimizing compilers take 10 MB, and the only CPU from the work. They pay where there is much of it: without them a
 * page takes about 1 µs more.
 */
const SMALL_CRASH = { flags: ['--no-opt', '--no-maglev'], belowBytes: 8 * 2 ** 30 } as const;

/** The parts of a finished build (`npm run build`). @throws ImageError that names the missing file. */
export function programIn(directory: string): Program {
  const paths = Object.entries(PROGRAM_FILES).map(([part, name]) => [part, join(directory, name)]);
  const program = Object.fromEntries(paths) as unknown as Program;
  for (const path of Object.values(program)) {
    if (statSync(path, { throwIfNoEntry: false })) continue;
    throw new ImageError('PROGRAM_MISSING', {
      action: 'build a dump-capture initrd',
      actual: `there is no ${path}`,
      wanted: 'a finished build',
      toDo: 'Run `npm run build`',
    });
  }
  return program;
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
  const early = [...watchdogs, ...runtime];
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
  const settings = [
    ...earlySettings({ watchdogs, runtime }, options),
    ...(isLean ? runtimeDiskSettings(options) : runtimeImageSettings(isKept)),
    `node='${NODE_COMMAND.join(' ')}'`,
  ];
  const { program } = request;
  const archives = [
    encodeCompressedCpio([
      ...imageEntries(program, tree, modules, settings, options),
      ...(isLean ? runtimeOnDisk(program) : []),
    ]),
  ];
  // Compressing the runtime again would win nothing. What is kept comes first, so that its place is known.
  if (isKept) archives.unshift(encodeCpio([runtimeEntry(program, 'left in place')]));
  else if (!isLean) archives.push(encodeCpio([runtimeEntry(program, 'file')]));
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
  yield { kind: 'file', path: 'init', mode: 0o755, bytes: readFileSync(program.early) };
  yield { kind: 'file', path: 'bin/busybox', mode: 0o755, bytes: readFileSync(program.busybox) };
  yield { kind: 'file', path: 'watch.sh', mode: 0o644, bytes: readFileSync(program.watch) };
  yield { kind: 'file', path: 'runtime-image.sh', mode: 0o644, bytes: readFileSync(program.runtimeImage) };
  yield text('etc/early.conf', `${settings.join('\n')}\n`);
  yield text('etc/kdumpling.json', `${JSON.stringify(options, null, 2)}\n`);
  for (const file of modules) {
    yield { kind: 'file', path: pathInImage(file).slice(1), mode: 0o644, bytes: tree.read(file) };
  }
  yield { kind: 'file', path: 'capture.js', mode: 0o644, bytes: readFileSync(program.capture) };
  yield { kind: 'file', path: 'autopsy.js', mode: 0o644, bytes: readFileSync(program.autopsy) };
  yield { kind: 'file', path: 'dump-thread.js', mode: 0o644, bytes: readFileSync(program.thread) };
  yield { kind: 'file', path: 'koffi.node', mode: 0o644, bytes: readFileSync(program.koffi) };
}

function runtimeEntry(program: Program, kind: 'file' | 'left in place'): CpioEntry {
  return { kind, path: RUNTIME_FILE, mode: 0o644, bytes: readFileSync(program.runtime) };
}

function* runtimeOnDisk(program: Program): Generator<CpioEntry> {
  yield { kind: 'directory', path: 'disk', mode: 0o755 };
  yield { kind: 'file', path: 'runtime-disk.sh', mode: 0o644, bytes: readFileSync(program.runtimeDisk) };
}

/** Shell assignments that early.sh and watch.sh read. The values are numbers, fixed flags and checked paths. */
function earlySettings(
  { watchdogs, runtime }: { watchdogs: readonly string[]; runtime: readonly string[] },
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
    `node_flags='${NODE_FLAGS.join(' ')}'`,
    `small_crash_bytes=${SMALL_CRASH.belowBytes}`,
    `small_crash_flags='${SMALL_CRASH.flags.join(' ')}'`,
  ];
}

function runtimeImageSettings(isKept: boolean): string[] {
  return isKept
    ? [`runtime_file=${KEPT_IMAGE}`, `runtime_offset=${firstBodyOffset(RUNTIME_FILE)}`]
    : [`runtime_file=/${RUNTIME_FILE}`, 'runtime_offset=0'];
}

/** @throws ImageError for a target that the early stage cannot find: all it has is busybox's findfs. */
function runtimeDiskSettings({ target, fstype, deviceTimeoutSeconds }: CaptureOptions): string[] {
  if (/^(UUID=[0-9A-Fa-f-]+|LABEL=[\w.-]+|\/dev\/[\w./-]+)$/.test(target)) {
    return [
      `runtime_device=${target}`,
      `runtime_fstype=${fstype}`,
      `runtime_timeout=${deviceTimeoutSeconds}`,
      `runtime_file=/disk${RUNTIME_ON_DISK}`,
      'runtime_offset=0',
    ];
  }
  throw new ImageError('LEAN_TARGET', {
    action: `build a lean initrd for ${target}`,
    actual: 'the early stage, which has no Node yet, cannot find a device by that name',
    wanted: 'UUID=…, LABEL=… or /dev/…',
    toDo: 'Name the target so, or use the self-contained layout',
  });
}

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
