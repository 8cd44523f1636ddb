/** `npm run machine`: the package on a whole Debian, from installation to removal, beside Debian's kdump-tools. */
import { existsSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { openCache } from '../../build/cache.ts';
import { DEFAULT_KERNEL, fetchKernel } from '../../build/fetch/kernels.ts';
import { ensureHostPackages, HOST_PACKAGES } from '../../build/host/host-packages.ts';
import { buildDeb } from '../../build/package/deb.ts';
import { partsFor } from '../../build/parts/choose.ts';
import { PLATFORM_NAMES, platformNamed } from '../../build/parts/platform.ts';
import { buildProgram } from '../../build/program.ts';
import { counted } from '../../capture/errors.ts';
import { EXIT, oneOf, runCommand, UsageError, wholeNumber } from '../../scripts/lib/cli/command.ts';
import { tool } from '../disks/file-systems.ts';
import { consoleLines } from '../lab/console.ts';
import { MACHINE_OPTIONS } from '../lab/options.ts';
import { chooseAccel } from '../machine/accel.ts';
import { emulatorPackage, labArch } from '../machine/arch.ts';
import { fetchUefi } from '../machine/firmware.ts';
import { inRunDirectory, writeSummary } from '../run/directory.ts';
import { fetchDebianImage } from './image.ts';
import { runDebian } from './machine.ts';
import { fetchRepository, makePackagesDisk } from './repository.ts';
import { canGoOn, isSound, newResult, takeStep } from './results.ts';
import { SEARCHES } from './smallest.ts';
import { isDiskNeeded, type Step, storySteps, timesSteps } from './steps.ts';
import { chooseStories, namesOf, STORIES } from './stories.ts';
import { describeCaptures } from './table.ts';
import { TIMED } from './times.ts';

await runCommand({
  name: 'npm run machine --',
  purpose:
    'Installs the package on a Debian in QEMU, arms it, crashes it, updates the kernel, crashes it again, and removes the package. Then crashes the same machine with kdump-tools.',
  options: {
    arch: {
      value: 'NAME',
      default: platformNamed().debian,
      help: `architecture of the machine: ${PLATFORM_NAMES.join(', ')}; another one than this machine’s is emulated`,
    },
    only: {
      value: 'NAME',
      repeatable: true,
      help: `one of ${namesOf(STORIES).join(', ')}; with --times of ${namesOf(TIMED).join(', ')}; with --smallest of ${namesOf(SEARCHES).join(', ')}; may be repeated`,
    },
    cpus: MACHINE_OPTIONS.cpus,
    console: { help: 'show the serial console live' },
    times: {
      help: 'only the times, instead: install all, then crash them in turn, each time a machine that was just switched on',
    },
    runs: {
      value: 'N',
      default: '1',
      help: 'make each crash N times; the table has the medians, the lowest and the highest (not with --smallest)',
    },
    smallest: { help: 'find the smallest crashkernel= with which each of them captures, instead' },
    deadline: { value: 'MINUTES', default: '120', help: 'end each machine after this time' },
    'keep-disk': { help: 'keep the disk images in the run’s directory' },
  },
  async run(given, signal) {
    const cache = openCache(console.log);
    const architecture = oneOf('arch', given.arch, PLATFORM_NAMES);
    const arch = labArch(platformNamed(architecture).node);
    const hostPackages = [...HOST_PACKAGES, emulatorPackage(arch)];
    ensureHostPackages(join(cache.dir, 'host-packages.log'), console.log, hostPackages);
    const deadlineSeconds = 60 * wholeNumber('deadline', given.deadline, 1, 1440);
    const steps = chooseSteps(given, architecture);
    const cpus = wholeNumber('cpus', given.cpus, 1, 8);
    const parts = await partsFor(cache, architecture);
    await buildProgram(console.log, parts);
    const deb = await buildDeb(parts, console.log);
    const { vmlinuz } = await fetchKernel(cache, { ...DEFAULT_KERNEL, architecture });
    const { accel, why } = await chooseAccel(cache, 'auto', vmlinuz, arch.node);
    console.log(`QEMU runs on ${why}; the machine has ${counted(cpus, 'CPU')}`);
    const image = await fetchDebianImage(cache, { parts, accel }, signal);
    const repository = await fetchRepository(cache, arch);
    const firmware = arch.debianGuest.uefi ? await fetchUefi(cache, arch) : [];
    return inRunDirectory({ name: 'machine', facts: {} }, signal, async directory => {
      const packages = join(directory, 'packages.img');
      await makePackagesDisk(packages, repository, deb);
      const run = {
        arch,
        accel,
        cpus,
        packages,
        firmware,
        deadlineSeconds,
        onLine: consoleLines(given.console),
        signal,
      };
      const results = new Map(steps.map(({ name }) => [name, newResult(name)]));
      const summary = { accel, cpus, image: image.record, results: [...results.values()] };
      try {
        for (const [index, step] of steps.entries()) {
          const result = results.get(step.name)!;
          const own = join(directory, step.name);
          const disk = join(own, 'disk.img');
          if (canGoOn(result)) {
            await mkdir(join(own, step.part), { recursive: true });
            if (!existsSync(disk)) await tool('cp', ['--sparse=always', '--reflink=auto', image.disk, disk]);
            const machine = { ...run, disk, directory: join(own, step.part) };
            await takeStep(step, result, story => runDebian(machine, story), signal);
            writeSummary(directory, summary);
          }
          if (!given['keep-disk'] && !isDiskNeeded(steps, index)) await rm(disk, { force: true });
        }
      } finally {
        await rm(packages, { force: true });
      }
      console.log(`\n${describeCaptures(summary.results)}`);
      console.log(`\n  ${relative(process.cwd(), join(directory, 'summary.json'))}`);
      return summary.results.every(isSound) ? EXIT.done : EXIT.failed;
    });
  },
});

interface Chosen {
  readonly only: readonly string[];
  readonly runs: string;
  readonly times: boolean;
  readonly smallest: boolean;
}

/** @throws UsageError */
function chooseSteps({ only, runs: text, times, smallest }: Chosen, architecture: string): Step[] {
  const runs = wholeNumber('runs', text, 1, 100);
  if (smallest && (times || runs > 1))
    throw new UsageError('USAGE', {
      action: 'search the smallest crashkernel=',
      actual: `--${times ? 'times' : 'runs'} is given`,
      wanted: 'none of --times and --runs with --smallest',
    });
  if (times) return timesSteps(chooseStories(TIMED, architecture, only), runs);
  return storySteps(chooseStories(smallest ? SEARCHES : STORIES, architecture, only), runs);
}
