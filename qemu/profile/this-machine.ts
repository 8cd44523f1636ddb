/** Which pages of Node are touched on this machine by what captures do seldom, and by dumps of a file on its CPU. */
import { copyFileSync, mkdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { $ } from 'zx';
import { bundle } from '../../build/bundle.ts';
import { PROJECT } from '../../build/paths.ts';
import { programVersion } from '../../build/program.ts';
import { CODECS } from '../../capture/codecs/table.ts';
import { NODE_COMMAND, RUNTIME } from '../../capture/options/runtime.ts';
import { NODE_FLAGS } from '../../initrd/image.ts';
import { residentPages } from '../faults/bundles/resident-pages.ts';

export interface SeldomWork {
  /** A runtime image with blocks of one page. */
  readonly runtime: string;
  /** The folder of a finished build. */
  readonly dist: string;
  /** A dump of the lab's. */
  readonly vmcore: string;
  /** A scratch folder. */
  readonly directory: string;
}

/** Mounts the image, and so takes root. @returns a byte for each page of Node, 1 where it was touched. */
export async function pagesTouchedHere({
  runtime,
  dist,
  vmcore,
  directory,
}: SeldomWork): Promise<Uint8Array> {
  const mounted = join(directory, 'runtime');
  const output = join(directory, 'dump');
  const exercise = join(directory, 'exercise.cjs');
  mkdirSync(mounted);
  await bundle({
    entry: join(PROJECT, 'qemu/profile/exercise.ts'),
    output: exercise,
    version: programVersion(),
  });
  copyFileSync(join(dist, 'koffi.node'), join(directory, 'koffi.node'));
  const device = (await $`losetup --find --show --read-only ${runtime}`).stdout.trim();
  try {
    // Reading ahead would bring pages that nobody touches.
    await $`blockdev --setra 0 ${device} && mount -o ro ${device} ${mounted}`;
    const [, node] = NODE_COMMAND.map(path => join(mounted, relative(RUNTIME, path)));
    const touched = new Uint8Array(residentPages(node!));
    // After each run: a machine that needs the memory drops pages that nobody has used for some time.
    const run = async (...words: string[]) => {
      await $({ quiet: true })`${node} ${NODE_FLAGS} ${words}`;
      for (const [page, isIn] of residentPages(node!).entries()) touched[page]! |= isIn;
    };
    const command = join(dist, 'kdumpling.js');
    await run(exercise);
    for (const { option } of CODECS) {
      for (const threads of [1, 2]) {
        await run(
          command,
          'dump',
          '-d',
          '31',
          `-${option}`,
          '-f',
          '--num-threads',
          `${threads}`,
          vmcore,
          output,
        );
        await run(command, 'verify', output);
      }
    }
    return touched;
  } finally {
    await $({ nothrow: true })`umount ${mounted}`;
    await $`losetup --detach ${device}`;
  }
}
