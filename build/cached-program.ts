/** Bundles of programs for compileProgram, with V8's code cache or without (capture/program-code.ts). */
import { spawnSync } from 'node:child_process';
import { rmSync } from 'node:fs';
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
 * architecture made.
 * @returns the npm packages in it.
 */
export async function bundleWithCache(
  { node, isNative }: Pick<Parts, 'node' | 'isNative'>,
  { flags = [], run = [], ...request }: CachedProgram,
): Promise<string[]> {
  const packages = await bundleProgram(request);
  if (isNative)
    spawnSync(
      node,
      [...REPRODUCIBLE, ...flags, join(PROJECT, 'build/code-cache.ts'), basename(request.output), ...run],
      { cwd: dirname(request.output), stdio: 'ignore' },
    );
  return packages;
}
