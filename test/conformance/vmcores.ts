/** What the conformance tests judge with and on: prepared raw vmcores, peers that make dumps, tools that judge them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Cache, openCache } from '../../build/cache.ts';
import { fetchTool, type Tool } from '../../build/fetch/tools.ts';
import { PROJECT } from '../../build/paths.ts';
import { SystemError } from '../../capture/errors.ts';
import { openVmcore } from '../../capture/vmcore/open.ts';
import { openVmcoreFile } from '../../capture/vmcore/reader.ts';
import type { Vmcoreinfo } from '../../capture/vmcore/vmcoreinfo.ts';
import { runBounded } from '../../qemu/judges/bounded-run.ts';
import { classifyPages, type KernelPages } from '../../qemu/judges/pages.ts';
import { type KernelWalk, walkKernel } from '../../qemu/judges/walk.ts';
import {
  isOfChoice,
  type PreparedVmcore,
  preparedVmcores,
  readVmcoreChoice,
} from '../../qemu/vmcores/vmcores.ts';

export const KERNELS_VARIABLE = 'KDUMPLING_CONFORMANCE_KERNELS';
/** Where all is right with everyone's tools, and where the released makedumpfiles are wrong. */
export const DEFAULT_KERNELS: readonly string[] = ['6.1-cloud', '7.x-cloud'];
/** Each series in both flavours and with both depths of page tables. */
export const ALL_KERNELS: readonly string[] = ['5.10', '6.1', '6.12', '7.x'].flatMap(series => [
  `${series}-cloud`,
  `${series}-generic-4level`,
]);

/** Of another architecture: what reads them here are drgn and libkdumpfile. */
export const DEFAULT_FOREIGN_KERNELS: readonly string[] = ['6.12-cloud-arm64'];
export const ALL_FOREIGN_KERNELS: readonly string[] = [
  ...DEFAULT_FOREIGN_KERNELS,
  '6.12-cloud-arm64-4level',
  '7.x-cloud-arm64',
];

export interface Bench {
  readonly cache: Cache;
  readonly drgn: Tool;
  readonly libkdumpfile: Tool;
  /** 1.7.2: exact up to 6.1, loses pages of 6.12 and 7.x. */
  readonly makedumpfile172: Tool;
  /** The newest packaged (1.7.8): exact up to 6.12, loses pages of 7.x. */
  readonly makedumpfile: Tool;
}

export async function openBench(): Promise<Bench> {
  const cache = openCache();
  return {
    cache,
    drgn: await fetchTool(cache, 'drgn'),
    libkdumpfile: await fetchTool(cache, 'libkdumpfile'),
    makedumpfile172: await fetchTool(cache, 'makedumpfile-bookworm'),
    makedumpfile: await fetchTool(cache, 'makedumpfile'),
  };
}

/** The newest prepared vmcore of a kernel. @throws SystemError NO_VMCORE that names the command which makes it */
export function vmcoreOf(kernel: string): PreparedVmcore {
  const choice = readVmcoreChoice(kernel);
  const found = preparedVmcores(openCache()).findLast(prepared => isOfChoice(prepared, choice));
  if (found) return found;
  throw new SystemError('NO_VMCORE', {
    action: `judge dumps of ${kernel}`,
    actual: 'the cache has no raw vmcore of it',
    wanted: `npm run vmcores -- --kernel ${kernel}`,
  });
}

/** Makes dumps with makedumpfile's flags. */
export type DumpMaker = Pick<Tool, 'argv' | 'version'>;

/** Our own program, from source. */
export const KDUMPLING: readonly string[] = [process.execPath, join(PROJECT, 'scripts/kdumpling.ts')];

export const OURS: DumpMaker = { version: 'kdumpling', argv: [...KDUMPLING, 'dump'] };

/** The kernels that this run is about: some by default, all with `npm test -- --full`. */
export function wantedKernels(): readonly string[] {
  return process.env[KERNELS_VARIABLE]?.split(',') ?? DEFAULT_KERNELS;
}

export function wantedForeignKernels(): readonly string[] {
  return isFullRun() ? ALL_FOREIGN_KERNELS : DEFAULT_FOREIGN_KERNELS;
}

export function vmcoreinfoOf({ vmcore }: PreparedVmcore): Vmcoreinfo {
  const source = openVmcoreFile(vmcore, undefined);
  try {
    return openVmcore(source).vmcoreinfo;
  } finally {
    source.close();
  }
}

/** What takes long and only shows that a table is right is for all kernels, not for the default ones. */
export function isFullRun(): boolean {
  return wantedKernels().some(kernel => !DEFAULT_KERNELS.includes(kernel));
}

/** Released makedumpfiles are right up to here: `6.1` of `6.1-generic-4level`. */
export function seriesOf(kernel: string): string {
  return kernel.split('-')[0];
}

/** What the judges go by for a kernel: its raw vmcore, the verdict for each page of it, drgn's walk over it. */
export interface Original {
  readonly vmcore: PreparedVmcore;
  readonly pages: KernelPages;
  readonly walk: KernelWalk;
}

export async function openOriginal({ drgn }: Bench, kernel: string): Promise<Original> {
  const vmcore = vmcoreOf(kernel);
  const pages = await classifyPages(drgn, vmcore);
  return { vmcore, pages, walk: await walkKernel(drgn, vmcore.vmcore, vmcore.vmlinux) };
}

/**
 * A dump, for as long as `use` runs.
 * @param exitCodes of a dump that is as it was asked for: 1 for one that a size limit cuts.
 */
export async function withDump<T>(
  makedumpfile: DumpMaker,
  flags: readonly string[],
  vmcore: string,
  use: (dump: string) => Promise<T>,
  exitCodes: readonly number[] = [0],
): Promise<T> {
  const scratch = mkdtempSync(join(tmpdir(), 'kdumpling-conformance-'));
  try {
    const dump = join(scratch, 'dump');
    const argv = [...makedumpfile.argv, ...flags, '--message-level', '4', vmcore, dump];
    const { exitCode, stderr } = await runBounded(argv, { timeoutSeconds: 120, cwd: scratch });
    if (exitCode === null || !exitCodes.includes(exitCode)) {
      const actual = stderr.trim().split('\n')[0] || `exit code ${exitCode}`;
      throw new SystemError('MAKEDUMPFILE', {
        action: `make a dump with ${makedumpfile.version}`,
        actual,
      });
    }
    return await use(dump);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
