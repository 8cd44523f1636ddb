/** The bundles: one file each, CommonJS, nothing left to look up at run time but Node's own modules. */
import { build } from 'esbuild';

/** What every bundle is told about itself. */
export interface BundleRequest {
  /** The TypeScript file to begin with. */
  readonly entry: string;
  readonly output: string;
  readonly version: string;
  /** Lines to put before the program, for example a `#!` line. */
  readonly banner?: string;
}

export async function bundle({ entry, output, version, banner }: BundleRequest): Promise<void> {
  await build({
    entryPoints: [entry],
    outfile: output,
    bundle: true,
    platform: 'node',
    target: 'node24',
    format: 'cjs',
    // Readable stack traces on a serial console are worth more than the bytes.
    minify: false,
    legalComments: 'none',
    define: { KDUMPLING_VERSION: JSON.stringify(version), 'import.meta.url': 'undefined' },
    banner: banner ? { js: banner } : {},
    logLevel: 'error',
  });
}
