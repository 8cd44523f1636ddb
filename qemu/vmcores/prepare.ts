/** Crashes a filled or used machine and keeps the raw copy of its /proc/vmcore in the cache. */
import { existsSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { $ } from 'zx';
import { type Cache, publishDir, withLock } from '../../build/cache.ts';
import { HOST_ARCHITECTURE } from '../../build/fetch/apt.ts';
import { fetchDebugSymbols, fetchKernel, type Kernel } from '../../build/fetch/kernels.ts';
import { fetchGuestTools } from '../../build/fetch/tools.ts';
import { SystemError } from '../../capture/errors.ts';
import { extract } from '../disks/image.ts';
import { type AccelRequest, chooseAccel } from '../machine/accel.ts';
import { commandText, type MachineSpec, machineCommand, runMachine } from '../machine/machine.ts';
import type { SerialLine } from '../machine/serial.ts';
import { inRunDirectory } from '../run/directory.ts';
import { type FillPlan, prepareCopiedMachine } from './copied-machine.ts';
import { filledMachine } from './filled-machine.ts';
import { prepareForeignMachine, runForeignMachine } from './foreign-machine.ts';
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
    const crash = choice.architecture === HOST_ARCHITECTURE ? crashMachine : crashForeignMachine;
    await publishDir(vmcoreDir(cache, making.kind, name), async partial => {
      const { filled, machine } = await crash(cache, kernel, choice, making, partial);
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

interface Crashed {
  readonly filled: Record<string, string>;
  readonly machine: string;
}

/** Leaves `vmcore` in `into`. The serial log stays in lab-runs/. */
async function crashMachine(
  cache: Cache,
  kernel: Kernel,
  { levels }: VmcoreChoice,
  { kind, memoryMib, accel: wanted, deadlineSeconds, onLine, signal }: Making,
  into: string,
): Promise<Crashed> {
  const { files: tools } = await fetchGuestTools(cache);
  const { accel, why } = await chooseAccel(cache, wanted, kernel.vmlinuz);
  cache.say(`crashing a ${kind} machine with ${kernel.release}; QEMU runs on ${why} …`);
  return inWorkDirectory(kernel, signal, async (directory, work) => {
    const plan: FillPlan = kind === 'used' ? usedMachine(memoryMib) : filledMachine(levels);
    const request = { kernel, tools, accel, deadlineSeconds, work, say: cache.say };
    const spec = await prepareCopiedMachine(request, plan);
    const machine = recordMachine(spec, directory, work);
    const { lines } = await runMachine(spec, directory, onLine, signal);
    await extract(spec.disk!, '/var/crash', work);
    const copied = join(work, 'crash', 'vmcore');
    if (!existsSync(copied)) throw noVmcore(kernel.release, lines, directory);
    await keepVmcore(copied, into);
    return { filled: readFilled(lines), machine };
  });
}

async function crashForeignMachine(
  cache: Cache,
  kernel: Kernel,
  { architecture, levels }: VmcoreChoice,
  { deadlineSeconds, onLine, signal }: Making,
  into: string,
): Promise<Crashed> {
  cache.say(`crashing a machine of ${architecture} with ${kernel.release}; QEMU emulates it …`);
  return inWorkDirectory(kernel, signal, async (directory, work) => {
    const request = { kernel, architecture, levels, deadlineSeconds, work };
    const spec = await prepareForeignMachine(cache, request);
    const machine = recordMachine(spec, directory, work);
    const vmcore = join(work, 'vmcore');
    const { lines } = await runForeignMachine(spec, { directory, vmcore }, onLine, signal);
    await keepVmcore(vmcore, into);
    return { filled: readFilled(lines), machine };
  });
}

function inWorkDirectory<T>(
  kernel: Kernel,
  signal: AbortSignal,
  run: (directory: string, work: string) => Promise<T>,
): Promise<T> {
  const named = { name: `vmcore-${kernel.record.series}`, facts: { kernel: kernel.release } };
  return inRunDirectory(named, signal, async directory => {
    const work = join(directory, 'work');
    mkdirSync(work);
    try {
      return await run(directory, work);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  });
}

/** @returns QEMU's command line, without the path of this run. */
function recordMachine(spec: MachineSpec, directory: string, work: string): string {
  const machine = commandText(machineCommand(spec));
  writeFileSync(join(directory, 'qemu.txt'), `${machine}\n`);
  return machine.replaceAll(dirname(work), '.');
}

/** Most of it is zeros: holes halve the disk space and make the tests faster. */
async function keepVmcore(vmcore: string, into: string): Promise<void> {
  await $({ quiet: true })`fallocate --dig-holes ${vmcore}`;
  renameSync(vmcore, join(into, 'vmcore'));
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
