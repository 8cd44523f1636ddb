/** Crashes a filled or used machine and keeps the raw copy of its /proc/vmcore in the cache. */
import { existsSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { $ } from 'zx';
import { type Cache, publishDir, withLock } from '../../build/cache.ts';
import { fetchDebugSymbols, fetchKernel } from '../../build/fetch/kernels.ts';
import { fetchGuestTools } from '../../build/fetch/tools.ts';
import { SystemError } from '../../capture/errors.ts';
import { extract } from '../disks/image.ts';
import { type AccelRequest, chooseAccel } from '../machine/accel.ts';
import { commandText, machineCommand, runMachine } from '../machine/machine.ts';
import type { SerialLine } from '../machine/serial.ts';
import { inRunDirectory } from '../run/directory.ts';
import { type CopiedMachineRequest, type FillPlan, prepareCopiedMachine } from './copied-machine.ts';
import { filledMachine } from './filled-machine.ts';
import { usedMachine } from './used-machine.ts';
import {
  type MachineKind,
  openPrepared,
  type PreparedVmcore,
  type VmcoreChoice,
  type VmcoreRecord,
  vmcoreDir,
  vmcoreName,
} from './vmcores.ts';

export interface Making {
  readonly kind: MachineKind;
  /** Memory of a used machine. */
  readonly memoryMib: number;
  readonly accel: AccelRequest;
  readonly deadlineSeconds: number;
  /** Makes it again when the cache has one. */
  readonly refresh: boolean;
  readonly onLine: (line: SerialLine) => void;
  readonly signal: AbortSignal;
}

/** The vmcore of this kernel from the cache, or from a new crash. */
export async function prepareVmcore(
  cache: Cache,
  choice: VmcoreChoice,
  making: Making,
): Promise<PreparedVmcore> {
  const kernel = await fetchKernel(cache, choice);
  const { release } = kernel;
  const name = vmcoreName(release, choice.levels);
  return withLock(cache, `vmcore-${making.kind}-${name}`, async () => {
    const present = openPrepared(cache, making.kind, name);
    if (present?.record.packageVersion === kernel.packageVersion && !making.refresh) return present;
    const vmlinux = await fetchDebugSymbols(cache, kernel);
    const { files: tools } = await fetchGuestTools(cache);
    const { accel, why } = await chooseAccel(cache, making.accel, kernel.vmlinuz);
    cache.say(`crashing a ${making.kind} machine with ${name}; QEMU runs on ${why} …`);
    await publishDir(vmcoreDir(cache, making.kind, name), async partial => {
      const { filled, machine } = await crashMachine(
        cache,
        { kernel, tools, accel },
        choice,
        making,
        partial,
      );
      const record: VmcoreRecord = {
        ...choice,
        release,
        packageVersion: kernel.packageVersion,
        vmlinux: relative(cache.dir, vmlinux),
        sizeBytes: statSync(join(partial, 'vmcore')).size,
        filled,
        machine,
        madeAt: new Date().toISOString(),
      };
      writeFileSync(join(partial, 'record.json'), `${JSON.stringify(record, null, 2)}\n`);
    });
    return openPrepared(cache, making.kind, name)!;
  });
}

/** Leaves `vmcore` in `into`. The serial log stays in lab-runs/. */
function crashMachine(
  cache: Cache,
  request: Pick<CopiedMachineRequest, 'kernel' | 'tools' | 'accel'>,
  { levels }: VmcoreChoice,
  { kind, memoryMib, deadlineSeconds, onLine, signal }: Making,
  into: string,
): Promise<{ filled: Record<string, string>; machine: string }> {
  const { kernel } = request;
  return inRunDirectory({ name: `vmcore-${kernel.record.series}`, facts: {} }, signal, async directory => {
    const work = join(directory, 'work');
    mkdirSync(work);
    try {
      const plan: FillPlan = kind === 'used' ? usedMachine(memoryMib) : filledMachine(levels);
      const spec = await prepareCopiedMachine({ ...request, deadlineSeconds, work, say: cache.say }, plan);
      const machine = commandText(machineCommand(spec));
      writeFileSync(join(directory, 'qemu.txt'), `${machine}\n`);
      const { lines } = await runMachine(spec, directory, onLine, signal);
      await extract(spec.disk, '/var/crash', work);
      const copied = join(work, 'crash', 'vmcore');
      if (!existsSync(copied)) throw noVmcore(kernel.release, lines, directory);
      // Most of it is zeros: holes halve the disk space and make the tests faster.
      await $({ quiet: true })`fallocate --dig-holes ${copied}`;
      renameSync(copied, join(into, 'vmcore'));
      return { filled: readFilled(lines), machine: machine.replaceAll(dirname(work), '.') };
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  });
}

function noVmcore(release: string, lines: readonly SerialLine[], directory: string): SystemError {
  return new SystemError('NO_VMCORE', {
    action: `prepare a vmcore of ${release}`,
    actual:
      lines.findLast(({ text }) => /^lab: (gave up|capture)/.test(text))?.text ?? 'the disk has no copy',
    wanted: 'a machine that crashes and copies /proc/vmcore',
    toDo: `See ${join(directory, 'serial.log')}`,
  });
}

/** `lab: fill KIND …` */
function readFilled(lines: readonly SerialLine[]): Record<string, string> {
  const matches = lines
    .map(({ text }) => /^lab: fill (\S+) ?(.*)$/.exec(text))
    .filter(match => match !== null);
  return Object.fromEntries(matches.map(([, kind, what]) => [kind, what]));
}
