/** `npm run profile`: which pages of Node captures touch, for build/node/page-profile.ts. */
import { mkdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { buildIdOf, encodeProfile, PROFILED_PAGE_BYTES, profilePath } from '../../build/node/page-profile.ts';
import { packImage } from '../../build/runtime.ts';
import { Failure } from '../../capture/errors.ts';
import { replaceFile } from '../../capture/storage/place/durable-file.ts';
import { EXIT, runCommand } from '../../scripts/lib/cli/command.ts';
import * as expect from '../expect/expectations.ts';
import type { Fault } from '../faults/fault.ts';
import { crashWith } from '../lab/crash.ts';
import { openLab } from '../lab/lab.ts';
import { MACHINE_OPTIONS, readMachineOptions } from '../lab/options.ts';
import { inRunDirectory } from '../run/directory.ts';

const { kernel: _, ...MACHINE } = MACHINE_OPTIONS;

/** Captures on the ways that most captures go. The pages of each count. */
const KERNELS = ['6.1-cloud', '6.12-cloud', '7.x-cloud'];
const CAPTURE: Fault = {
  name: 'node-pages',
  help: 'the plain capture, which reports the pages of Node that it touched',
  bundle: { entry: 'qemu/faults/bundles/touched-pages.ts' },
  expectations: expect.SOUND_CAPTURE,
};
const WAYS: readonly Fault[] = [
  CAPTURE,
  { ...CAPTURE, crashWords: ['kdumpling.codec=lzo', 'kdumpling.autopsy=no'] },
];

await runCommand({
  name: 'npm run profile --',
  purpose:
    'Crashes the lab’s machine, and writes down which pages of Node the captures touched: the runtime image has them together. To be done for each new Node.',
  options: {
    ...MACHINE,
    kernels: {
      value: 'LIST',
      default: KERNELS.join(','),
      help: 'stock Debian kernels, as --kernel of npm run crash',
    },
  },
  async run(given, signal) {
    const touched = new Set<number>();
    const captures: string[] = [];
    let path = '';
    for (const kernel of given.kernels.split(',')) {
      const lab = await openLab(readMachineOptions({ ...given, kernel }), console.log);
      const { parts } = lab;
      path = profilePathOf(parts.node);
      for (const way of WAYS) {
        const seen = await inRunDirectory({ name: 'node-pages', facts: {} }, signal, async directory => {
          const runtime = join(directory, 'runtime.squashfs');
          await packImage(join(parts.dist, 'runtime'), runtime, {
            parts,
            blockKib: PROFILED_PAGE_BYTES / 1024,
            touched: undefined,
          });
          const { verdict, run } = await crashWith({ ...lab, program: { ...lab.program, runtime } }, way, {
            signal,
          });
          if (verdict !== 'passed') throw failed(`the capture of ${kernel} failed`);
          return readFileSync(join(run.labFiles, 'node-pages'));
        });
        for (const [page, isIn] of seen.entries()) if (isIn) touched.add(page);
        captures.push(`${lab.kernel.release}${way.crashWords ? ` (${way.crashWords.join(' ')})` : ''}`);
        console.log(`${captures.at(-1)}: ${seen.filter(isIn => isIn).length} pages; ${touched.size} in all`);
      }
    }
    mkdirSync(dirname(path), { recursive: true });
    replaceFile(
      path,
      encodeProfile(touched, [
        `Pages of Node (of ${PROFILED_PAGE_BYTES} bytes, in the file) that captures touched: ${touched.size}.`,
        `Written by npm run profile from captures of ${captures.join(', ')}.`,
      ]),
    );
    console.log(`wrote ${relative(process.cwd(), path)}`);
    return EXIT.done;
  },
});

function profilePathOf(node: string): string {
  const buildId = buildIdOf(node);
  if (buildId) return profilePath(buildId);
  throw failed(`${node} has no build id`);
}

function failed(actual: string): Failure {
  return new Failure('NODE_PAGES', { action: 'find the pages of Node that a capture touches', actual });
}
