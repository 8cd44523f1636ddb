/** What is said where the vmlinux of a dump is nowhere: what was looked at, which package has it, which server might. */
import { counted, SystemError } from '../../../capture/errors.ts';
import { MACHINES } from '../../../capture/vmcore/machines.ts';
import { distributionOf } from '../debug-packages/os-release.ts';
import { symbolPackage } from '../debug-packages/symbol-packages.ts';
import type { Host } from '../host/host.ts';
import { configuredServers } from './debuginfod-settings.ts';
import { type DumpedKernel, describeKernel } from './dumped-kernel.ts';
import type { Rejected } from './vmlinux.ts';

/** Debian's names of the architectures, by that of `uname -m`. */
const DEBIAN_ARCHITECTURES: Readonly<Record<string, string>> = { x86_64: 'amd64', aarch64: 'arm64' };

export interface Missing {
  readonly kernel: DumpedKernel;
  /** e_machine of this machine. */
  readonly ownMachine: number;
  readonly rejected: readonly Rejected[];
  readonly askedServers: number;
}

/** @param host whose distribution the packages are of. */
export function missingVmlinux(host: Host, { kernel, ownMachine, rejected, askedServers }: Missing) {
  const looked = rejected.map(({ path, why }) => `${path}: ${why}`).join('; ');
  const servers = askedServers === 0 ? '' : ` and on ${counted(askedServers, 'debuginfod server')}`;
  return new SystemError('NO_VMLINUX', {
    action: `find vmlinux of ${describeKernel(kernel)}`,
    actual: `it is not installed here${servers}${looked && ` (${looked})`}`.replace(
      'here and on',
      'here or on',
    ),
    toDo: [packageAdvice(host, kernel, ownMachine), serverAdvice(host, askedServers)]
      .filter(Boolean)
      .join('; or '),
  });
}

function packageAdvice(host: Host, { release = '', version, machine }: DumpedKernel, ownMachine: number) {
  const distribution = distributionOf(host);
  const found = symbolPackage({ release, version }, distribution);
  if (!found) return 'give the file that was built with this kernel: --vmlinux FILE';
  const foreign = machine === ownMachine ? undefined : DEBIAN_ARCHITECTURES[MACHINES[machine]?.name ?? ''];
  const command = found.install({ release, version, ...(foreign !== undefined && { foreign }) });
  return `install its debug symbols, which are a package of ${found.distribution}: ${command}`;
}

function serverAdvice(host: Host, askedServers: number): string {
  if (askedServers > 0) return '';
  const configured = configuredServers(host);
  return configured === ''
    ? 'set DEBUGINFOD_URLS to a debuginfod server'
    : `set DEBUGINFOD_URLS="${configured}", which sudo does not pass on`;
}
