/** A build for amd64 on a machine of arm64, which QEMU emulates program by program: the same bytes as those of a build on x86. */
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join, relative } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openCache } from '../../build/cache.ts';
import { DEFAULT_KERNEL, fetchKernel } from '../../build/fetch/kernels.ts';
import { buildDeb } from '../../build/package/deb.ts';
import { foreignParts } from '../../build/parts/foreign-parts.ts';
import { platformNamed } from '../../build/parts/platform.ts';
import { PROJECT } from '../../build/paths.ts';
import { buildProgram, hostCommandFiles } from '../../build/program.ts';
import { buildStockImage } from '../../build/stock-image.ts';
import { openArm64Host } from '../support/arm64-host.ts';
import { FULL_LAB_VARIABLE } from './full-lab.ts';

const say = (line: string) => console.log(line);
let scratch: string;
beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'kdumpling-arm64-host-'));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** What is no source: made here, or of a machine's own architecture. */
const MADE = new Set(['.cache', '.git', 'dist', 'lab-runs', 'node_modules']);

function copySources(to: string): void {
  cpSync(PROJECT, to, {
    recursive: true,
    // An unreleased changelog is of the day of its file, and so is the package.
    preserveTimestamps: true,
    filter: path => !MADE.has(relative(PROJECT, path).split('/')[0]!),
  });
}

/** Path -> digest of every file below the folder. */
function digests(folder: string): Record<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter(entry => entry.isFile());
  return Object.fromEntries(
    files
      .map(entry => join(entry.parentPath, entry.name))
      .map(path => [relative(folder, path), digest(path)])
      .sort(),
  );
}

function digest(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex');
}

/** It takes what its own machine has no files for from Debian's packages, and so does a build on x86 that is to be the same. */
const isWanted = process.arch === 'x64' && process.env[FULL_LAB_VARIABLE] !== undefined;
test.runIf(isWanted)(
  'a build for amd64 on a machine of arm64 gives the bytes of one on x86',
  async () => {
    const cache = openCache(say);
    const parts = await foreignParts(cache, platformNamed('amd64'));
    const program = await buildProgram(say, parts);
    const kernel = await fetchKernel(cache, { ...DEFAULT_KERNEL, architecture: 'amd64' });
    const image = buildStockImage(program, kernel, join(scratch, 'image')).sha256;
    const deb = await buildDeb(parts, say);

    const project = join(scratch, 'project');
    copySources(project);
    const host = await openArm64Host(cache);
    const build = ['node', 'scripts/bootstrap.mjs', 'build/main.ts', '--arch', 'amd64', '--deb'];
    const { status, output } = await host.run(build, { project, cache: cache.dir });
    expect({ status, output }).toMatchObject({ status: 0 });

    const theirs = join(project, 'dist');
    const files = [...Object.values(program).map(path => basename(path)), ...hostCommandFiles(parts)];
    for (const name of files)
      expect([name, digest(join(theirs, 'amd64', name))]).toEqual([name, digest(join(parts.dist, name))]);
    expect(digests(join(theirs, 'amd64/runtime'))).toEqual(digests(join(parts.dist, 'runtime')));
    const [name] = readdirSync(join(theirs, 'initrd'));
    expect(digest(join(theirs, 'initrd', name!))).toBe(image);
    expect(digest(join(theirs, basename(deb)))).toBe(digest(deb));
  },
  30 * 60_000,
);
