/** The dump-capture initrd: what it holds, as one list, and its bytes. */
import { closeSync, openSync, readFileSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { basename, join } from 'node:path';
import { Failure } from '../capture/errors.ts';
import { type CaptureOptions, checkOptions } from '../capture/options.ts';
import { parseTargetSpec } from '../capture/target/target-spec.ts';
import { type CpioEntry, encodeCpio } from './cpio.ts';
import { RUNTIME_DRIVERS, targetModules } from './drivers.ts';
import { type ModuleTree, openModuleTree } from './modules.ts';

export class ImageError extends Failure {}

/** The files of a build that go into every image; `programIn` finds them. */
export interface Program {
  readonly capture: string;
  readonly koffi: string;
  readonly runtime: string;
  readonly early: string;
  readonly busybox: string;
}

export interface ImageRequest {
  /** Kernel release, for messages and checks. */
  readonly kver: string;
  /** `…/lib/modules/<kver>` */
  readonly modulesDirectory: string;
  readonly program: Program;
  readonly fstype: string;
  /** Disk drivers that must be in; undefined for all that the kernel has of the usual ones. */
  readonly disks?: readonly string[];
  /** Modules that must be in besides, whatever they are for. */
  readonly extraModules?: readonly string[];
  /** Capture options beside `fstype` and `modules`, which this function knows. */
  readonly options: { readonly target: string } & Partial<CaptureOptions>;
  readonly output: string;
}

export interface ImageFacts {
  readonly path: string;
  readonly bytes: number;
  readonly modules: readonly string[];
  readonly options: CaptureOptions;
}

/** Between the capture program's own deadline and the timer's that reboots over its head. */
const GRACE_SECONDS = 60;

/** Small heaps and one thread: the reservation is small and has one CPU. */
const NODE_FLAGS = [
  '--max-semi-space-size=1',
  '--v8-pool-size=1',
  '--max-old-space-size=64',
  '--no-warnings',
];

/** The parts of a finished build (`npm run build`). @throws ImageError that names the missing file. */
export function programIn(directory: string): Program {
  const program: Program = {
    capture: join(directory, 'capture.js'),
    koffi: join(directory, 'koffi.node'),
    runtime: join(directory, 'runtime.squashfs'),
    early: join(directory, 'early.sh'),
    busybox: join(directory, 'busybox'),
  };
  for (const path of Object.values(program)) {
    if (statSync(path, { throwIfNoEntry: false })) continue;
    throw new ImageError('PROGRAM_MISSING', {
      action: 'build a dump-capture initrd',
      actual: `there is no ${path}`,
      wanted: 'a finished build; run `npm run build`',
    });
  }
  return program;
}

/** Writes the image atomically: the old one stays until the new one is whole. Same input, same bytes. */
export function buildImage(request: ImageRequest): ImageFacts {
  const tree = openModuleTree(request.modulesDirectory);
  const early = tree.closure(RUNTIME_DRIVERS);
  const fallbacks = (request.options.fallbackTargets ?? []).flatMap(text => parseTargetSpec(text) ?? []);
  const fstypes = [...new Set([request.fstype, ...fallbacks.map(({ fstype }) => fstype)])];
  const wanted = [
    ...targetModules(tree, fstypes, request.disks),
    ...tree.closure(request.extraModules ?? []),
  ];
  const late = [...new Set(wanted)].filter(file => !early.includes(file));
  const options = checkOptions({
    ...request.options,
    fstype: request.fstype,
    modules: late.map(pathInImage),
  });
  const entries = imageEntries(request.program, tree, early, late, options);
  const bytes = writeAtomically(request.output, encodeCpio(entries));
  return { path: request.output, bytes, modules: [...early, ...late], options };
}

function* imageEntries(
  program: Program,
  tree: ModuleTree,
  early: readonly string[],
  late: readonly string[],
  options: CaptureOptions,
): Generator<CpioEntry> {
  for (const path of ['bin', 'dev', 'etc', 'modules', 'proc', 'runtime', 'sys', 'target']) {
    yield { kind: 'directory', path, mode: 0o755 };
  }
  // The kernel opens these for PID 1 before anything can be mounted.
  yield { kind: 'device', path: 'dev/console', mode: 0o600, major: 5, minor: 1 };
  yield { kind: 'device', path: 'dev/null', mode: 0o666, major: 1, minor: 3 };
  // Node looks for its loader and libraries where every Linux has them; they lie in the runtime image.
  yield { kind: 'symlink', path: 'lib', mode: 0o777, to: 'runtime/lib' };
  yield { kind: 'symlink', path: 'lib64', mode: 0o777, to: 'runtime/lib64' };
  yield { kind: 'file', path: 'init', mode: 0o755, bytes: readFileSync(program.early) };
  yield { kind: 'file', path: 'bin/busybox', mode: 0o755, bytes: readFileSync(program.busybox) };
  yield text('etc/early.conf', earlySettings(early, options));
  yield text('etc/kdumpling.json', `${JSON.stringify(options, null, 2)}\n`);
  for (const file of [...early, ...late]) {
    yield { kind: 'file', path: pathInImage(file).slice(1), mode: 0o644, bytes: tree.read(file) };
  }
  yield { kind: 'file', path: 'capture.js', mode: 0o644, bytes: readFileSync(program.capture) };
  yield { kind: 'file', path: 'koffi.node', mode: 0o644, bytes: readFileSync(program.koffi) };
  yield { kind: 'file', path: 'runtime.squashfs', mode: 0o644, bytes: readFileSync(program.runtime) };
}

/** Shell assignments that early.sh reads. The values are numbers, our own flags and checked paths. */
function earlySettings(early: readonly string[], options: CaptureOptions): string {
  return [
    `deadline=${options.deadlineSeconds}`,
    `grace=${GRACE_SECONDS}`,
    `modules='${early.map(pathInImage).join(' ')}'`,
    `node_flags='${NODE_FLAGS.join(' ')}'`,
    '',
  ].join('\n');
}

function pathInImage(moduleFile: string): string {
  return `/modules/${basename(moduleFile).replace(/\.(xz|zst|gz)$/, '')}`;
}

function text(path: string, content: string): CpioEntry {
  return { kind: 'file', path, mode: 0o644, bytes: Buffer.from(content) };
}

function writeAtomically(path: string, pieces: Iterable<Uint8Array>): number {
  const partial = `${path}.partial`;
  const fd = openSync(partial, 'w', 0o600);
  let bytes = 0;
  try {
    for (const piece of pieces) bytes += writeSync(fd, piece);
    closeSync(fd);
    renameSync(partial, path);
  } catch (error) {
    rmSync(partial, { force: true });
    throw error;
  }
  return bytes;
}
