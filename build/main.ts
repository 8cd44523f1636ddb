/** `npm run build`: dist/, with a dump-capture initrd for the newest kernel of a stock Debian series. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT, oneOf, runCommand } from '../scripts/lib/cli/command.ts';
import { openCache } from './cache.ts';
import { DEFAULT_KERNEL, fetchKernel } from './fetch/kernels.ts';
import { fetchTool } from './fetch/tools.ts';
import { BUILD_PACKAGES, ensureHostPackages } from './host/host-packages.ts';
import { readChangelog } from './package/changelog.ts';
import { buildDeb } from './package/deb.ts';
import { manualFiles, writeFiles } from './package/man/manual.ts';
import { buildRpm } from './package/rpm.ts';
import { SBOM_NAME, sbom } from './package/sbom.ts';
import { partsFor } from './parts/choose.ts';
import { PLATFORM_NAMES, platformNamed } from './parts/platform.ts';
import { buildProgram, programVersion } from './program.ts';
import { buildStockImage } from './stock-image.ts';

await runCommand({
  name: 'npm run build --',
  purpose:
    'Builds dist/: the bundles, the runtime image, and the initrd for Debian 12’s stock cloud kernel on the lab’s machine.',
  options: {
    arch: {
      value: 'NAME',
      default: platformNamed().debian,
      help: `the architecture to build for: ${PLATFORM_NAMES.join(', ')}; another one’s build is in dist/NAME`,
    },
    deb: { help: 'the Debian package too' },
    rpm: { help: 'the package for Fedora too' },
  },
  async run({ arch, deb, rpm }) {
    const architecture = oneOf('arch', arch, PLATFORM_NAMES);
    const cache = openCache(console.log);
    ensureHostPackages(join(cache.dir, 'host-packages.log'), console.log, BUILD_PACKAGES);
    const parts = await partsFor(cache, architecture);
    const program = await buildProgram(console.log, parts);
    const { path, bytes } = buildStockImage(
      program,
      await fetchKernel(cache, { ...DEFAULT_KERNEL, architecture }),
    );
    console.log(`${path}: ${(bytes / 1e6).toFixed(1)} MB`);
    const version = programVersion();
    const { date } = readChangelog(version)[0]!;
    const manual = await manualFiles({ version, date: date.toISOString().slice(0, 10) });
    writeFiles(join(parts.dist, 'man'), manual);
    writeFileSync(join(parts.dist, SBOM_NAME), sbom(parts, date));
    console.log(`${join(parts.dist, 'man')}: ${manual.size} manual pages; ${join(parts.dist, SBOM_NAME)}`);
    if (deb) console.log(await buildDeb(parts, console.log));
    if (rpm) console.log(await buildRpm(parts, await fetchTool(cache, 'rpmbuild'), console.log));
    return EXIT.done;
  },
});
