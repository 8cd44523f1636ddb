/** Bundles of programs for compileProgram, with V8's code cache or without (capture/program-code.ts). */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { codeCacheOf, PROGRAM_WRAPPER } from '../capture/program-code.ts';
import { type BundleRequest, bundle } from './bundle.ts';
import type { Parts } from './parts/parts.ts';
import { PROJECT } from './paths.ts';

/** The seed of V8's hash tables, whose order is in a cache. Where the cache is read it has no effect, and V8 accepts it. */
const REPRODUCIBLE = ['--random-seed=1'];

export interface CachedProgram extends BundleRequest {
  /** Node's, with which the program runs: V8 rejects a cache that was made with others, but for those about sizes. */
  readonly flags?: readonly string[];
  /** Arguments for code-cache.ts. */
  readonly run?: readonly string[];
}

/** Without a cache: one that was there before would be another program's. @returns the npm packages in it. */
export function bundleProgram({ banner = '', ...request }: BundleRequest): Promise<string[]> {
  const [before, footer] = PROGRAM_WRAPPER;
  rmSync(codeCacheOf(request.output), { force: true });
  return bundle({ ...request, banner: `${before}${banner}`, footer });
}

/**
 * The cache is only made where the program's Node runs on the machine that builds: V8 rejects one that a Node for another
 * architecture made. Who reads both meanwhile finds them whole, of a program that did not change as of one that did.
 * @returns the npm packages in it.
 */
export async function bundleWithCache(
  { node, isNative }: Pick<Parts, 'node' | 'isNative'>,
  { flags = [], run = [], ...request }: CachedProgram,
): Promise<string[]> {
  mkdirSync(dirname(request.output), { recursive: true });
  const folder = mkdtempSync(join(dirname(request.output), '.next-'));
  try {
    const output = join(folder, basename(request.output));
    const packages = await bundleProgram({ ...request, output });
    if (isNative)
      spawnSync(
        node,
        [...REPRODUCIBLE, ...flags, join(PROJECT, 'build/code-cache.ts'), basename(output), ...run],
        { cwd: folder, stdio: 'ignore' },
      );
    putInPlace(output, request.output);
    return packages;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A program is never beside another one's cache: V8 compares no more than the length of their texts. */
function putInPlace(made: string, program: string): void {
  const [cache, placed] = [codeCacheOf(made), codeCacheOf(program)];
  const isChanged = !existsSync(program) || !readFileSync(made).equals(readFileSync(program));
  if (isChanged || !existsSync(cache)) rmSync(placed, { force: true });
  renameSync(made, program);
  if (existsSync(cache)) renameSync(cache, placed);
}
