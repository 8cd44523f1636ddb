/** The bundles: one file each, CommonJS, nothing left to look up at run time but Node's own modules. */
import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { build } from 'esbuild';
import { replaceFile } from '../capture/storage/place/durable-file.ts';
import { lazyModules } from './lazy-modules.ts';
import { PROJECT } from './paths.ts';

export interface BundleRequest {
  /** The TypeScript file to begin with. */
  readonly entry: string;
  readonly output: string;
  /** What the program says of itself; see capture/version.ts. */
  readonly version: string;
  /** Lines to put before and after the program, for example a `#!` line. */
  readonly banner?: string;
  readonly footer?: string;
  /** Node's own modules, like "crypto", to load when something in them is first used. */
  readonly loadedWhenUsed?: readonly string[];
}

/** @returns the names of the npm packages that are in the bundle. */
export async function bundle(request: BundleRequest): Promise<string[]> {
  const { entry, output, version, banner, footer, loadedWhenUsed = [] } = request;
  const { metafile, outputFiles } = await build({
    write: false,
    entryPoints: [entry],
    outfile: output,
    bundle: true,
    metafile: true,
    absWorkingDir: PROJECT,
    // node-fetch imports it on runtimes without web streams only.
    external: ['web-streams-polyfill'],
    plugins: [lazyModules(loadedWhenUsed)],
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    // Readable stack traces on a serial console are worth more than the bytes.
    minify: false,
    legalComments: 'none',
    define: { KDUMPLING_VERSION: JSON.stringify(version), 'import.meta.url': 'undefined' },
    ...(banner && { banner: { js: banner } }),
    ...(footer && { footer: { js: footer } }),
    logLevel: 'error',
  });
  mkdirSync(dirname(output), { recursive: true });
  // Who reads it meanwhile has the old one or the new one.
  replaceFile(output, outputFiles[0]!.contents);
  return npmPackages(Object.keys(metafile.inputs));
}

function npmPackages(files: readonly string[]): string[] {
  const names = files.map(file => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1]);
  return [...new Set(names.filter(name => name !== undefined))].sort();
}
