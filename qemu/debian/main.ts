/** `npm run machine`: the package on a whole Debian, from installation to removal, beside Debian's kdump-tools. */
import { mkdir, rm } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { openCache } from '../../build/cache.ts';
import { DEFAULT_KERNEL, fetchKernel } from '../../build/fetch/kernels.ts';
import { ensureHostPackages, HOST_PACKAGES } from '../../build/host/host-packages.ts';
import { buildDeb } from '../../build/package/deb.ts';
import { partsFor } from '../../build/parts/choose.ts';
import { PLATFORM_NAMES, platformNamed } from '../../build/parts/platform.ts';
import { buildProgram } from '../../build/program.ts';
import { describeError, Failure } from '../../capture/errors.ts';
import { EXIT, oneOf, runCommand, wholeNumber } from '../../scripts/lib/cli/command.ts';
import { tool } from '../disks/file-systems.ts';
import type { Check } from '../expect/check.ts';
import { consoleLines } from '../lab/console.ts';
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
import { chooseStories, namesOf, STORIES, type Story, type Teller } from './stories.ts';
import { captureTable } from './table.ts';

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
      help: `one of ${namesOf(STORIES).join(', ')}; with --smallest of ${namesOf(SEARCHES).join(', ')}`,
    },
    console: { help: 'show the serial console live' },
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
    const stories = chooseStories(given.smallest ? SEARCHES : STORIES, architecture, given.only);
    const parts = await partsFor(cache, architecture);
    await buildProgram(console.log, parts);
    const deb = await buildDeb(parts, console.log);
    const { vmlinuz } = await fetchKernel(cache, { ...DEFAULT_KERNEL, architecture });
    const { accel, why } = await chooseAccel(cache, 'auto', vmlinuz, arch.node);
    console.log(`QEMU runs on ${why}`);
    const image = await fetchDebianImage(cache, { parts, accel }, signal);
    const repository = await fetchRepository(cache, arch);
    const firmware = arch.debianGuest.uefi ? await fetchUefi(cache, arch) : [];
    return inRunDirectory({ name: 'machine', facts: {} }, signal, async directory => {
      const packages = join(directory, 'packages.img');
      await makePackagesDisk(packages, repository, deb);
      const run = {
        arch,
        accel,
        packages,
        firmware,
        deadlineSeconds,
        onLine: consoleLines(given.console),
        signal,
      };
      const results: StoryResult[] = [];
      try {
        for (const story of stories) {
          const disk = join(directory, story.name, 'disk.img');
          await mkdir(dirname(disk));
          await tool('cp', ['--sparse=always', '--reflink=auto', image.disk, disk]);
          results.push(await tell(story, { ...run, disk, directory: dirname(disk) }));
          if (!given['keep-disk']) await rm(disk);
        }
      } finally {
        await rm(packages, { force: true });
      }
      writeSummary(directory, { accel, image: image.record, results });
      console.log(captureTable(results));
      console.log(`\n  ${relative(process.cwd(), join(directory, 'summary.json'))}`);
      const broken = results.flatMap(({ checks }) => checks).filter(({ holds }) => !holds);
      return broken.length === 0 ? EXIT.done : EXIT.failed;
    });
  },
});

interface StoryResult {
  readonly name: string;
  readonly checks: readonly Check[];
  readonly captures: readonly Capture[];
}

/** Runs one story on a machine of its own, and prints each check as it is made. */
async function tell(story: Story, machine: DebianMachine): Promise<StoryResult> {
  const checks: Check[] = [];
  const captures: Capture[] = [];
  const check: Teller['check'] = (what, holds, saw) => {
    checks.push({ what, holds, saw });
    console.log(describeCheck({ what, holds, saw }));
  };
  const say: Teller['say'] = line => console.log(`  ${line}`);
  const teller: Teller = { say, check, capture: capture => void captures.push(capture) };
  console.log(`${story.name}: ${story.purpose}`);
  try {
    await runDebian(machine, guest => story.run(guest, teller));
  } catch (error) {
    // The other stories still run.
    if (machine.signal.aborted || !(error instanceof Failure)) throw error;
    check('the story comes to its end', false, describeError(error));
  }
  return { name: story.name, checks, captures };
}
