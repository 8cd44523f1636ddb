/**
 * `npm run vmcores`: crashes machines whose memory holds each kind of page and keeps the raw copies of /proc/vmcore, the
 * input of the conformance tests and of measurements.
 */
import { existsSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { $ } from 'zx';
import { SystemError } from '../capture/errors.ts';
import { EXIT, oneOf, runCommand, wholeNumber } from '../scripts/cli.ts';
import { ensureHostPackages } from '../scripts/setup/host-packages.ts';
import { type AccelRequest, chooseAccel } from './accel.ts';
import { type Cache, openCache, publishDir, withLock } from './cache.ts';
import { extract } from './disk.ts';
import { type FilledMachineRequest, prepareFilledMachine } from './filled-machine.ts';
import { commandText, machineArguments, runMachine } from './machine.ts';
import { fetchDebugSymbols, fetchKernel } from './packages/kernels.ts';
import { fetchGuestTools } from './packages/tools.ts';
import { makeRunDirectory } from './run.ts';
import type { SerialLine } from './serial.ts';
import {
  openPrepared,
  type PreparedVmcore,
  readVmcoreChoice,
  type VmcoreChoice,
  type VmcoreRecord,
  vmcoreDir,
  vmcoreName,
} from './vmcores.ts';

interface Making {
  readonly accel: AccelRequest;
  readonly deadlineSeconds: number;
  /** Makes it again although there is one. */
  readonly refresh: boolean;
  readonly onLine: (line: SerialLine) => void;
  readonly signal: AbortSignal;
}

await runCommand({
  name: 'npm run vmcores --',
  purpose:
    'Crashes machines filled with each kind of page and keeps raw copies of their /proc/vmcore in the cache.',
  options: {
    kernel: {
      value: 'LIST',
      default: '6.1-cloud',
      help: 'stock Debian kernels, with commas: 5.10-cloud,6.1-generic,6.12-cloud-4level,7.x-cloud',
    },
    accel: { value: 'KIND', default: 'auto', help: 'kvm, tcg, or auto: probe once whether KVM works' },
    deadline: { value: 'SECONDS', default: '900', help: 'end a machine after this time' },
    refresh: { help: 'make them again' },
    console: { help: 'show the serial console live' },
  },
  async run(given, signal) {
    const choices = given.kernel.split(',').map(readVmcoreChoice);
    const accel = oneOf('accel', given.accel, ['auto', 'kvm', 'tcg']);
    const deadlineSeconds = wholeNumber('deadline', given.deadline, 30, 86400);
    const onLine = ({ text }: SerialLine) => {
      if (given.console || /^lab: |Kernel panic/.test(text)) console.log(`  | ${text}`);
    };
    const cache = openCache(console.log);
    ensureHostPackages(join(cache.dir, 'host-packages.log'), console.log);
    for (const choice of choices) {
      const making = { accel, deadlineSeconds, refresh: given.refresh, onLine, signal };
      const { record, vmcore } = await prepareVmcore(cache, choice, making);
      console.log(`${vmcore}: ${(record.sizeBytes / 1e6).toFixed(0)} MB`);
    }
    return EXIT.done;
  },
});

/** The vmcore of this kernel from the cache, or a crash of it. */
async function prepareVmcore(cache: Cache, choice: VmcoreChoice, making: Making): Promise<PreparedVmcore> {
  const kernel = await fetchKernel(cache, choice);
  const { release } = kernel;
  const name = vmcoreName(release, choice.levels);
  return withLock(cache, `vmcore-${name}`, async () => {
    const present = openPrepared(cache, name);
    if (present?.record.packageVersion === kernel.packageVersion && !making.refresh) return present;
    const vmlinux = await fetchDebugSymbols(cache, kernel);
    const { files: tools } = await fetchGuestTools(cache);
    const { accel, why } = await chooseAccel(cache, making.accel, kernel.vmlinuz);
    cache.say(`crashing a filled machine with ${name}; QEMU runs on ${why} …`);
    await publishDir(vmcoreDir(cache, name), async partial => {
      const { levels } = choice;
      const request = { kernel, levels, tools, accel };
      const { filled, machine } = await crashFilledMachine(cache, request, making, partial);
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
    return openPrepared(cache, name)!;
  });
}

/** Leaves `vmcore` in `into`; the serial log stays in lab-runs/. */
async function crashFilledMachine(
  cache: Cache,
  request: Pick<FilledMachineRequest, 'kernel' | 'levels' | 'tools' | 'accel'>,
  { deadlineSeconds, onLine, signal }: Making,
  into: string,
): Promise<{ filled: Record<string, string>; machine: string }> {
  const { kernel } = request;
  const directory = makeRunDirectory(`vmcore-${kernel.record.series}`);
  const work = join(directory, 'work');
  mkdirSync(work);
  try {
    const spec = await prepareFilledMachine({ ...request, deadlineSeconds, work, say: cache.say });
    const machine = commandText(['qemu-system-x86_64', ...machineArguments(spec)]);
    writeFileSync(join(directory, 'qemu.txt'), `${machine}\n`);
    const { lines } = await runMachine(spec, directory, onLine, signal);
    await extract(spec.disk, '/var/crash', work);
    const copied = join(work, 'crash', 'vmcore');
    if (!existsSync(copied)) {
      throw new SystemError('NO_VMCORE', {
        action: `prepare a vmcore of ${kernel.release}`,
        actual: lines.findLast(({ text }) => /^lab: (gave up|capture)/.test(text))?.text ?? 'none came home',
        wanted: `a machine that crashes and copies it; see ${join(directory, 'serial.log')}`,
      });
    }
    // Most of it is zeros: half of the disk space, and the tests read it faster.
    await $({ quiet: true })`fallocate --dig-holes ${copied}`;
    renameSync(copied, join(into, 'vmcore'));
    return { filled: readFilled(lines), machine: machine.replaceAll(dirname(work), '.') };
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** `lab: fill KIND …` */
function readFilled(lines: readonly SerialLine[]): Record<string, string> {
  const matches = lines
    .map(({ text }) => /^lab: fill (\S+) ?(.*)$/.exec(text))
    .filter(match => match !== null);
  return Object.fromEntries(matches.map(([, kind, what]) => [kind, what]));
}
