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
import { counted, describeError, Failure } from '../../capture/errors.ts';
import { EXIT, oneOf, runCommand, UsageError, wholeNumber } from '../../scripts/lib/cli/command.ts';
import { tool } from '../disks/file-systems.ts';
import type { Check } from '../expect/check.ts';
import { consoleLines } from '../lab/console.ts';
import { MACHINE_OPTIONS } from '../lab/options.ts';
import { describeCheck } from '../lab/report.ts';
import { chooseAccel } from '../machine/accel.ts';
import { emulatorPackage, labArch } from '../machine/arch.ts';
import { fetchUefi } from '../machine/firmware.ts';
import { inRunDirectory, writeSummary } from '../run/directory.ts';
import type { Capture } from './capture.ts';
import { fetchDebianImage } from './image.ts';
import { type DebianMachine, runDebian } from './machine.ts';
import { fetchRepository, makePackagesDisk } from './repository.ts';
import { SEARCHES } from './smallest.ts';
import { isDiskNeeded, type Step, storySteps, timesSteps } from './steps.ts';
import { chooseStories, namesOf, STORIES, type Teller } from './stories.ts';
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
          // What failed in one step would fail in the next, or the next would measure something else.
          if (result.checks.every(({ holds }) => holds)) {
            await mkdir(join(own, step.part), { recursive: true });
            if (!existsSync(disk)) await tool('cp', ['--sparse=always', '--reflink=auto', image.disk, disk]);
            await take(step, { ...run, disk, directory: join(own, step.part) }, result);
            writeSummary(directory, summary);
          }
          if (!given['keep-disk'] && !isDiskNeeded(steps, index)) await rm(disk, { force: true });
        }
      } finally {
        await rm(packages, { force: true });
      }
      console.log(`\n${describeCaptures(summary.results)}`);
      console.log(`\n  ${relative(process.cwd(), join(directory, 'summary.json'))}`);
      const broken = summary.results.flatMap(({ checks }) => checks).filter(({ holds }) => !holds);
      return broken.length === 0 ? EXIT.done : EXIT.failed;
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

/** Of all steps on one disk. */
interface StepsResult {
  readonly name: string;
  readonly checks: Check[];
  readonly captures: Capture[];
}

function newResult(name: string): StepsResult {
  return { name, checks: [], captures: [] };
}

/** Runs one step on a machine, and prints each check as it is made. */
async function take(step: Step, machine: DebianMachine, { checks, captures }: StepsResult): Promise<void> {
  const check: Teller['check'] = (what, holds, saw) => {
    checks.push({ what, holds, saw });
    console.log(describeCheck({ what, holds, saw }));
  };
  const say: Teller['say'] = line => console.log(`  ${line}`);
  const teller: Teller = { say, check, capture: capture => void captures.push(capture) };
  console.log(`${step.name}: ${step.purpose}`);
  try {
    await runDebian(machine, guest => step.run(guest, teller));
  } catch (error) {
    // The other machines still run.
    if (machine.signal.aborted || !(error instanceof Failure)) throw error;
    check('it comes to its end', false, describeError(error));
  }
}
