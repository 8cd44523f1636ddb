/** `npm run build`: dist/, with a dump-capture initrd for the newest kernel of a stock Debian series. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { buildImage } from '../initrd/image.ts';
import { openCache } from '../qemu/cache.ts';
import { fetchKernel } from '../qemu/packages/kernels.ts';
import { EXIT, runCommand } from '../scripts/cli.ts';
import { ensureHostPackages } from '../scripts/setup/host-packages.ts';
import { DIST } from './paths.ts';
import { buildProgram } from './program.ts';

/** What Debian's cloud images call their root. */
const TARGET = 'LABEL=cloudimg-rootfs';

await runCommand({
  name: 'npm run build --',
  purpose: 'Builds dist/: the bundles, the runtime image, and an initrd for Debian 12’s stock cloud kernel.',
  options: {
    target: {
      value: 'SPEC',
      default: TARGET,
      help: "the initrd's target: UUID=…, LABEL=… or /dev/…, on ext4",
    },
  },
  async run({ target }) {
    const cache = openCache(console.log);
    ensureHostPackages(join(cache.dir, 'host-packages.log'), console.log);
    const program = await buildProgram(console.log);
    const kernel = await fetchKernel(cache);
    mkdirSync(join(DIST, 'initrd'), { recursive: true });
    const { path, bytes } = buildImage({
      kver: kernel.release,
      modulesDirectory: kernel.modulesDir,
      program,
      fstype: 'ext4',
      options: { target },
      output: join(DIST, 'initrd', `initramfs-${kernel.release}kdump.img`),
    });
    console.log(`${path}: ${(bytes / 1e6).toFixed(1)} MB`);
    return EXIT.done;
  },
});
