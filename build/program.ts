/** Builds dist/: the files of every dump-capture initrd, and the host command. */
import { spawnSync } from 'node:child_process';
import { chmodSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { replaceFile } from '../capture/storage/place/durable-file.ts';
import { type Program, programIn } from '../initrd/image.ts';
import { PROGRAM_FILE, PROGRAM_WRAPPER } from '../scripts/lib/cli/program-code.ts';
import { bundle } from './bundle.ts';
import { buildingInDist } from './dist-lock.ts';
import { findCommand } from './host/host-packages.ts';
import { DIST, KOFFI_BINARY, NODE_BINARY, PROJECT } from './paths.ts';
import { buildRuntime, runtimeFiles } from './runtime.ts';

/**
 * Modules that only a few verbs of the host command use. Loading OpenSSL alone takes a tenth of a start. The capture
 * program loads all its modules when it begins, because memory may be short later.
 */
export const NOT_AT_START = ['crypto', 'zlib', 'child_process', 'tty', 'os', 'timers/promises'];

/** In dist/: the names of the npm packages in the bundles, for the list of parts. */
export const BUNDLED_PACKAGES = 'bundled-packages.json';

export function programVersion(): string {
  return (JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8')) as { version: string }).version;
}

/** Takes a second, except for the first time: the runtime image is kept as long as its files are the same. */
export function buildProgram(say: (line: string) => void): Promise<Program> {
  return buildingInDist(say, () => build(say));
}

async function build(say: (line: string) => void): Promise<Program> {
  // The bundles are CommonJS, and the project's own package.json above them says otherwise.
  writeFileSync(join(DIST, 'package.json'), '{ "type": "commonjs" }\n');
  const version = programVersion();
  const capture = { entry: join(PROJECT, 'capture/main.ts'), output: join(DIST, 'capture.js'), version };
  const packages = [...(await bundle(capture)), ...(await buildHostCommand(DIST, version))];
  writeFileSync(join(DIST, BUNDLED_PACKAGES), JSON.stringify([...new Set(packages)].sort()));
  replaceByCopy(KOFFI_BINARY, join(DIST, 'koffi.node'));
  for (const script of ['early.sh', 'watch.sh', 'runtime-image.sh', 'runtime-disk.sh']) {
    replaceByCopy(join(PROJECT, 'initrd', script), join(DIST, script));
  }
  replaceByCopy(findCommand('busybox')!, join(DIST, 'busybox'));
  await buildRuntime(runtimeFiles(NODE_BINARY, KOFFI_BINARY), join(DIST, 'runtime'), say);
  return programIn(DIST);
}

/**
 * Node's flags for the host command. One V8 thread is enough to compile hot code; with V8's default number a dump that
 * takes a second takes a tenth longer.
 */
export const HOST_NODE_FLAGS = ['--no-warnings', '--v8-pool-size=1'] as const;

/** The files of the host command in dist/, except koffi.node. */
export const HOST_COMMAND_FILES = [
  'kdumpling.js',
  PROGRAM_FILE,
  `${PROGRAM_FILE}.cache`,
  'dump-thread.js',
  'package.json',
] as const;

/** @returns the npm packages in it. */
async function buildHostCommand(directory: string, version: string): Promise<string[]> {
  const entry = (file: string) => join(PROJECT, 'scripts', file);
  const output = (file: string) => join(directory, file);
  const common = { version, loadedWhenUsed: NOT_AT_START };
  const program = output(PROGRAM_FILE);
  const [banner, footer] = PROGRAM_WRAPPER;
  const packages = [
    await bundle({
      entry: entry('launch.ts'),
      output: output('kdumpling.js'),
      version,
      banner: '#!/usr/bin/env node',
    }),
    await bundle({ ...common, entry: entry('lib/dump/thread.ts'), output: output('dump-thread.js') }),
    await bundle({ ...common, entry: entry('kdumpling.ts'), output: program, banner, footer }),
  ];
  chmodSync(output('kdumpling.js'), 0o755);
  const fails = ['dump', '-z', '-d', '31', '--message-level', '0', '/', output('no-dump')];
  spawnSync(NODE_BINARY, [join(PROJECT, 'build/code-cache.ts'), program, ...fails], { stdio: 'ignore' });
  return packages.flat();
}

/** Replaced, never written over: a process that has the old file mapped would die of SIGBUS. */
function replaceByCopy(source: string, target: string): void {
  replaceFile(target, readFileSync(source), { mode: statSync(source).mode & 0o777 });
}
