/** Finds the vmlinux of a dump by its build id: the file that was given, an installed one, or one of a debuginfod. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { SystemError, TargetError } from '../../../capture/errors.ts';
import { badValue } from '../cli/command.ts';
import type { Host } from '../host/host.ts';
import { debuginfodSettings, OLD_CACHE } from './debuginfod-settings.ts';
import { type DumpedKernel, describeKernel } from './dumped-kernel.ts';
import { missingVmlinux } from './missing-vmlinux.ts';
import { elfFacts, findInstalled, type Vmlinux, whyNot } from './vmlinux.ts';

export interface FindVmlinux {
  /** Where debug symbols may be installed: this machine, or the one that --root names. */
  readonly host: Host;
  readonly kernel: DumpedKernel;
  /** What --vmlinux named. */
  readonly given?: string;
  /** The directory of the dump, on the host. */
  readonly beside: string;
  readonly ownMachine: number;
  readonly scratch: () => string;
  readonly signal: AbortSignal;
  readonly say: (text: string) => void;
  readonly onProgress: (done: number, total: number) => void;
}

/** @throws UsageError for a given file that is another's; SystemError NO_VMLINUX; TargetError NO_BUILD_ID */
export async function findVmlinux(job: FindVmlinux): Promise<Vmlinux> {
  const { host, kernel, given, say } = job;
  const { buildId, release } = kernel;
  if (given !== undefined) return checkGiven(given, buildId, say);
  if (buildId === undefined) {
    throw new TargetError('NO_BUILD_ID', {
      action: `find vmlinux of ${describeKernel(kernel)}`,
      actual: 'the dump does not say its build id, and a name proves nothing',
      toDo: 'give the file: --vmlinux FILE',
    });
  }
  const wanted = { buildId, release, beside: job.beside };
  const installed = await findInstalled(host, wanted, job.scratch, job.signal);
  if (installed.vmlinux) return installed.vmlinux;
  const settings = debuginfodSettings(process.env, existsSync(join(homedir(), OLD_CACHE)));
  // Read when it is used: it brings an HTTP client with it.
  const { findByDebuginfod } = await import('./debuginfod.ts');
  const found = await findByDebuginfod(buildId, settings, job);
  if (found.vmlinux) return found.vmlinux;
  const rejected = [...installed.rejected, ...found.rejected];
  const askedServers = settings.servers.length;
  throw missingVmlinux(host, { kernel, ownMachine: job.ownMachine, rejected, askedServers });
}

function checkGiven(given: string, buildId: string | undefined, say: (text: string) => void): Vmlinux {
  const path = resolve(given);
  const facts = elfFacts(path);
  if (buildId === undefined && facts?.hasDwarf) {
    say(
      'warning: the dump does not say its build id: nobody knows whether this vmlinux is that of its kernel',
    );
    return { path };
  }
  const why = buildId === undefined ? 'it has no debug symbols' : whyNot(facts, buildId);
  if (why === undefined) return { path };
  if (!existsSync(path)) throw badValue('vmlinux', given, 'a file');
  throw new SystemError('WRONG_VMLINUX', {
    action: `use ${given} as vmlinux`,
    actual: why,
    wanted: buildId === undefined ? 'debug symbols' : `that of the dump's kernel, ${buildId}`,
  });
}
