/** Builds dist/: the files of every dump-capture initrd, and the host command. */
import { chmodSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { FFI_FILE } from '../capture/options/runtime.ts';
import { codeCacheOf } from '../capture/program-code.ts';
import { AUTOPSY_FLAGS } from '../capture/scene/child.ts';
import { replaceFile } from '../capture/storage/place/durable-file.ts';
import { CACHED_CAPTURE_FLAGS, type Program, programIn } from '../initrd/image.ts';
import { DUMP_PROGRAM_FILE, PROGRAM_FILE } from '../scripts/lib/cli/program-files.ts';
import { bundle } from './bundle.ts';
import { bundleWithCache } from './cached-program.ts';
import { buildingInDist } from './dist-lock.ts';
import { hostParts } from './parts/host-parts.ts';
import { type Parts, requireCommand } from './parts/parts.ts';
import { PROJECT } from './paths.ts';
import { buildRuntime } from './runtime.ts';

/** Modules that only a few verbs of the host command use. Loading OpenSSL alone takes a tenth of a start. */
export const NOT_AT_START = ['crypto', 'zlib', 'child_process', 'tty', 'os', 'timers/promises'];

/**
 * The capture program loads its modules when it begins, because memory may be short later, but for these: it starts threads and
 * processes only where there is memory for them, or where all else failed, no digest of a capture is OpenSSL's, and zlib's codecs
 * are for an image without libraries. The first three together would take 2.4 MB of memory that is never free again.
 */
export const NOT_AT_CAPTURE_START = ['worker_threads', 'child_process', 'crypto', 'zlib'];

/** The FFI's addon, beside the host command; that of captures is in the runtime image. */
const FFI_NAME = basename(FFI_FILE);

/** In the build's folder: the names of the npm packages in the bundles, for the list of parts. */
export const BUNDLED_PACKAGES = 'bundled-packages.json';

export function programVersion(): string {
  return (JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8')) as { version: string }).version;
}

/** Takes a second, except for the first time: the runtime image is kept as long as its files are the same. */
export function buildProgram(say: (line: string) => void, parts: Parts = hostParts()): Promise<Program> {
  return buildingInDist(say, () => build(parts, say));
}

async function build(parts: Parts, say: (line: string) => void): Promise<Program> {
  const { dist } = parts;
  mkdirSync(dist, { recursive: true });
  // The bundles are CommonJS, and the project's own package.json above them says otherwise.
  writeFileSync(join(dist, 'package.json'), '{ "type": "commonjs" }\n');
  const version = programVersion();
  const start = { entry: join(PROJECT, 'capture/start.ts'), output: join(dist, 'start.js'), version };
  const capture = {
    entry: join(PROJECT, 'capture/main.ts'),
    output: join(dist, 'capture.js'),
    version,
    loadedWhenUsed: NOT_AT_CAPTURE_START,
    flags: CACHED_CAPTURE_FLAGS,
  };
  const autopsy = {
    entry: join(PROJECT, 'capture/scene/main.ts'),
    output: join(dist, 'autopsy.js'),
    version,
    loadedWhenUsed: NOT_AT_CAPTURE_START,
    flags: AUTOPSY_FLAGS,
  };
  // Of the capture and of the host command.
  const thread = {
    entry: join(PROJECT, 'capture/threads/main.ts'),
    output: join(dist, 'dump-thread.js'),
    version,
    loadedWhenUsed: NOT_AT_START,
  };
  const packages = [
    ...(await bundle(start)),
    ...(await bundleWithCache(parts, capture)),
    ...(await bundleWithCache(parts, autopsy)),
    ...(await bundle(thread)),
    ...(await buildHostCommand(parts, version)),
  ];
  writeFileSync(join(dist, BUNDLED_PACKAGES), JSON.stringify([...new Set(packages)].sort()));
  replaceByCopy(parts.koffi, join(dist, FFI_NAME));
  for (const script of EARLY_SCRIPTS) {
    replaceByCopy(join(PROJECT, 'initrd', script), join(dist, script));
  }
  replaceByCopy(requireCommand(parts, 'busybox'), join(dist, 'busybox'));
  await buildRuntime(parts, say);
  return programIn(dist);
}

const EARLY_SCRIPTS = [
  'early.sh',
  'early-functions.sh',
  'start-node.sh',
  'again.sh',
  'watch.sh',
  'runtime-image.sh',
  'runtime-disk.sh',
];

/**
 * Node's flags for the host command. One V8 thread is enough to compile hot code; with V8's default number a dump that
 * takes a second takes a tenth longer.
 */
export const HOST_NODE_FLAGS = ['--no-warnings', '--v8-pool-size=1'] as const;

/** The programs of the host command, and the arguments to make their code caches with (code-cache.ts): `bt` on no dump. */
const HOST_PROGRAMS = [
  { file: PROGRAM_FILE, entry: 'kdumpling.ts', run: ['bt', '/'] },
  { file: DUMP_PROGRAM_FILE, entry: 'dump.ts', run: [] },
] as const;

/** The files of the host command. */
export function hostCommandFiles({ isNative }: Pick<Parts, 'isNative'>): string[] {
  const programs = HOST_PROGRAMS.flatMap(({ file }) => [file, ...(isNative ? [codeCacheOf(file)] : [])]);
  return ['kdumpling.js', ...programs, 'dump-thread.js', FFI_NAME, 'package.json'];
}

/** @returns the npm packages in it. */
async function buildHostCommand(parts: Parts, version: string): Promise<string[]> {
  const { dist } = parts;
  const entry = (file: string) => join(PROJECT, 'scripts', file);
  const output = (file: string) => join(dist, file);
  const common = { version, loadedWhenUsed: NOT_AT_START };
  const packages = await bundle({
    entry: entry('launch.ts'),
    output: output('kdumpling.js'),
    version,
    banner: '#!/usr/bin/env node',
  });
  chmodSync(output('kdumpling.js'), 0o755);
  for (const { file, entry: main, run } of HOST_PROGRAMS) {
    const program = { ...common, entry: entry(main), output: output(file), run };
    packages.push(...(await bundleWithCache(parts, program)));
  }
  return packages;
}

/** Replaced, never written over: a process that has the old file mapped would die of SIGBUS. */
function replaceByCopy(source: string, target: string): void {
  replaceFile(target, readFileSync(source), { mode: statSync(source).mode & 0o777 });
}
