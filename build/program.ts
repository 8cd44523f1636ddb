/** Builds dist/: what goes into every dump-capture initrd, and the host command. */
import { chmodSync, copyFileSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Program, programIn } from '../initrd/image.ts';
import { findCommand } from '../scripts/setup/host-packages.ts';
import { bundle } from './bundle.ts';
import { DIST, KOFFI_BINARY, NODE_BINARY, PROJECT } from './paths.ts';
import { buildRuntime, runtimeFiles } from './runtime.ts';

/**
 * What the host command uses in few of its verbs. OpenSSL alone takes a tenth of a start. The capture program loads all
 * it has when it begins: later, when it is needed, memory may be short.
 */
const NOT_AT_START = ['crypto', 'zlib', 'child_process', 'tty', 'timers/promises'];

export function programVersion(): string {
  return (JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8')) as { version: string }).version;
}

/** All but the first time this takes a second: the runtime image is kept while its files are the same. */
export async function buildProgram(say: (line: string) => void): Promise<Program> {
  mkdirSync(DIST, { recursive: true });
  // The bundles are CommonJS, and the project's own package.json above them says otherwise.
  writeFileSync(join(DIST, 'package.json'), '{ "type": "commonjs" }\n');
  const version = programVersion();
  await bundle({ entry: join(PROJECT, 'capture/main.ts'), output: join(DIST, 'capture.js'), version });
  await bundle({
    entry: join(PROJECT, 'scripts/kdumpling.ts'),
    output: join(DIST, 'kdumpling.js'),
    version,
    banner: '#!/usr/bin/env node',
    lazyModules: NOT_AT_START,
  });
  await bundle({
    entry: join(PROJECT, 'scripts/dump/thread.ts'),
    output: join(DIST, 'dump-thread.js'),
    version,
    lazyModules: NOT_AT_START,
  });
  chmodSync(join(DIST, 'kdumpling.js'), 0o755);
  replaceFile(KOFFI_BINARY, join(DIST, 'koffi.node'));
  replaceFile(join(PROJECT, 'initrd/early.sh'), join(DIST, 'early.sh'));
  replaceFile(findCommand('busybox')!, join(DIST, 'busybox'));
  await buildRuntime(runtimeFiles(NODE_BINARY, KOFFI_BINARY), join(DIST, 'runtime'), say);
  return programIn(DIST);
}

/** Under another name first: a process that has the old file mapped dies of SIGBUS when it is written over. */
function replaceFile(source: string, target: string): void {
  copyFileSync(source, `${target}.partial`);
  renameSync(`${target}.partial`, target);
}
