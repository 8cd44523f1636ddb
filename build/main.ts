/** `npm run build`: dist/, with a dump-capture initrd for the newest kernel of a stock Debian series. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT, runCommand } from '../scripts/lib/cli/command.ts';
import { openCache } from './cache.ts';
import { fetchKernel } from './fetch/kernels.ts';
import { fetchTool } from './fetch/tools.ts';
import { ensureHostPackages } from './host/host-packages.ts';
import { readChangelog } from './package/changelog.ts';
import { buildDeb } from './package/deb.ts';
import { manualFiles, writeFiles } from './package/man/manual.ts';
import { buildRpm } from './package/rpm.ts';
import { SBOM_NAME, sbom } from './package/sbom.ts';
import { DIST } from './paths.ts';
import { buildProgram, programVersion } from './program.ts';
import { buildStockImage } from './stock-image.ts';

await runCommand({
  name: 'npm run build --',
  purpose:
    'Builds dist/: the bundles, the runtime image, and the initrd for Debian 12’s stock cloud kernel on the lab’s machine.',
  options: { deb: { help: 'the Debian package too' }, rpm: { help: 'the package for Fedora too' } },
  async run({ deb, rpm }) {
    const cache = openCache(console.log);
    ensureHostPackages(join(cache.dir, 'host-packages.log'), console.log);
    const program = await buildProgram(console.log);
    const { path, bytes } = buildStockImage(program, await fetchKernel(cache));
    console.log(`${path}: ${(bytes / 1e6).toFixed(1)} MB`);
    const version = programVersion();
    const { date } = readChangelog(version)[0]!;
    const manual = await manualFiles({ version, date: date.toISOString().slice(0, 10) });
    writeFiles(join(DIST, 'man'), manual);
    writeFileSync(join(DIST, SBOM_NAME), sbom(date));
    console.log(`${join(DIST, 'man')}: ${manual.size} manual pages; ${join(DIST, SBOM_NAME)}`);
    if (deb) console.log(await buildDeb(console.log));
    if (rpm) console.log(await buildRpm(await fetchTool(cache, 'rpmbuild'), console.log));
    return EXIT.done;
  },
});
