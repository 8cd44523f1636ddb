/** `npm run profile`: which pages of Node captures touch, for build/node/page-profile.ts. */
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import {
  buildIdOf,
  encodeProfile,
  PROFILE_KINDS,
  PROFILED_PAGE_BYTES,
  type ProfileKind,
  pagesOf,
  profilePath,
} from '../../build/node/page-profile.ts';
import { packImage } from '../../build/runtime.ts';
import { Failure } from '../../capture/errors.ts';
import { replaceFile } from '../../capture/storage/place/durable-file.ts';
import { EXIT, oneOf, runCommand } from '../../scripts/lib/cli/command.ts';
import { crashWith } from '../lab/crash.ts';
import { openLab } from '../lab/lab.ts';
import { MACHINE_OPTIONS, readMachineOptions } from '../lab/options.ts';
import { inRunDirectory } from '../run/directory.ts';
import { pagesTouchedHere } from './this-machine.ts';
import { KERNELS, SELDOM, USUAL } from './ways.ts';

const { kernel: _, ...MACHINE } = MACHINE_OPTIONS;

await runCommand({
  name: 'npm run profile --',
  purpose:
    'Crashes the lab’s machine in many ways, and writes down which pages of Node the captures touched: the runtime image has them together, and what no capture touched can be left out. To be done for each new Node, and takes half an hour.',
  options: {
    ...MACHINE,
    kernels: {
      value: 'LIST',
      default: KERNELS.join(','),
      help: 'stock Debian kernels, as --kernel of npm run crash',
    },
    kinds: {
      value: 'LIST',
      default: PROFILE_KINDS.join(','),
      help: 'which lists to write: pages that most captures touch, and further ones that some do',
    },
  },
  async run(given, signal) {
    const kinds = given.kinds.split(',').map(kind => oneOf('kinds', kind, PROFILE_KINDS));
    const touched = { usual: new Set<number>(), seldom: new Set<number>() };
    const captures: Record<ProfileKind, string[]> = { usual: [], seldom: [] };
    const count = (kind: ProfileKind, what: string, seen: Uint8Array) => {
      const pages = touched[kind];
      for (const [page, isIn] of seen.entries()) if (isIn) pages.add(page);
      captures[kind].push(what);
      console.log(`${what}: ${seen.filter(isIn => isIn).length} pages; ${pages.size} in all`);
    };
    let buildId = '';
    let dump: string | undefined;
    await inRunDirectory({ name: 'node-pages', facts: {} }, signal, async directory => {
      const runtime = join(directory, 'runtime.squashfs');
      for (const [index, kernel] of given.kernels.split(',').entries()) {
        const ways = [...USUAL, ...(index === 0 ? SELDOM : [])].filter(({ kind }) => kinds.includes(kind));
        if (ways.length === 0) continue;
        const lab = await openLab(readMachineOptions({ ...given, kernel }), console.log);
        const { parts, choice } = lab;
        buildId = buildIdOf(parts.node) ?? noBuildId(parts.node);
        const packing = { parts, blockKib: PROFILED_PAGE_BYTES / 1024, touched: undefined };
        if (!existsSync(runtime)) await packImage(join(parts.dist, 'runtime'), runtime, packing);
        const program = { ...lab.program, runtime, usedRuntime: undefined };
        for (const { kind, fault, memoryMib = choice.memoryMib } of ways) {
          const words = fault.crashWords ?? [];
          const what = [lab.kernel.release, fault.name, `${memoryMib} MiB`, ...words].join(' ');
          const machine = { ...lab, program, choice: { ...choice, memoryMib } };
          const { run } = await crashWith(machine, fault, { signal });
          const pages = join(run.labFiles, 'node-pages');
          if (existsSync(pages)) count(kind, what, readFileSync(pages));
          else if (kind === 'usual') throw failed(`${what} left no list of its pages`);
          else console.log(`${what}: no list of its pages`);
          dump ??= run.dumps.map(folder => join(folder, 'vmcore')).find(path => existsSync(path));
        }
        if (!dump || !kinds.includes('seldom') || index > 0) continue;
        const work = { runtime, dist: parts.dist, vmcore: dump, directory };
        count('seldom', 'runs on this machine', await pagesTouchedHere(work));
      }
    });
    const usual = kinds.includes('usual') ? touched.usual : pagesOf(buildId, 'usual');
    for (const page of usual) touched.seldom.delete(page);
    for (const kind of kinds) {
      const path = profilePath(buildId, kind);
      mkdirSync(dirname(path), { recursive: true });
      const beside = kind === 'seldom' ? ' beside the usual ones' : '';
      replaceFile(
        path,
        encodeProfile(touched[kind], [
          `Pages of Node (of ${PROFILED_PAGE_BYTES} bytes, in the file) that captures touched${beside}: ${touched[kind].size}.`,
          `Written by npm run profile from ${captures[kind].join('; ')}.`,
        ]),
      );
      console.log(`wrote ${relative(process.cwd(), path)}`);
    }
    return EXIT.done;
  },
});

function noBuildId(node: string): never {
  throw failed(`${node} has no build id`);
}

function failed(actual: string): Failure {
  return new Failure('NODE_PAGES', { action: 'find the pages of Node that a capture touches', actual });
}
