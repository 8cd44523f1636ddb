/** The bundles: one file each, CommonJS, nothing left to look up at run time but Node's own modules. */
import { writeFileSync } from 'node:fs';
import { build } from 'esbuild';

/** What every bundle is told about itself. */
export interface BundleRequest {
  /** The TypeScript file to begin with. */
  readonly entry: string;
  readonly output: string;
  readonly version: string;
  /** Lines to put before the program, for example a `#!` line. */
  readonly banner?: string;
  /** Node's own modules, like "crypto", to load when something in them is first used. */
  readonly lazyModules?: readonly string[];
}

export async function bundle({
  entry,
  output,
  version,
  banner,
  lazyModules = [],
}: BundleRequest): Promise<void> {
  const { outputFiles } = await build({
    entryPoints: [entry],
    outfile: output,
    write: false,
    bundle: true,
    // For runtimes without streams of the web's kind: node-fetch asks for it only there.
    external: ['web-streams-polyfill'],
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
  writeFileSync(output, lazyModules.reduce(loadWhenUsed, outputFiles![0].text));
}

/** As esbuild writes an import: a variable for the module (set where a file that is read later begins), and each use as a member of it. */
function loadWhenUsed(code: string, module: string): string {
  const variable = `import_node_${module.replaceAll('/', '_')}`;
  const declaration = new RegExp(`^ *(?:var )?(${variable}\\d*) = require\\("node:${module}"\\);$`, 'gm');
  const names = [...code.matchAll(declaration)].map(([, name]) => name);
  return names.reduce(
    (text, name) => text.replace(new RegExp(`\\b${name}\\.`, 'g'), `require("node:${module}").`),
    code.replace(declaration, ''),
  );
}
