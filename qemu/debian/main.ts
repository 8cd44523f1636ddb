/** `npm run machine`: the package on a real Debian, from its installation to its removal, beside Debian's kdump-tools. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { openCache } from '../../build/cache.ts';
import { fetchKernel } from '../../build/fetch/kernels.ts';
import { ensureHostPackages } from '../../build/host/host-packages.ts';
import { buildDeb } from '../../build/package/deb.ts';
import { buildProgram } from '../../build/program.ts';
import { describeError, Failure } from '../../capture/errors.ts';
import { EXIT, oneOf, runCommand, wholeNumber } from '../../scripts/lib/cli/command.ts';
import { tool } from '../disks/file-systems.ts';
import type { Check } from '../expect/expectations.ts';
import { consoleLines } from '../lab/console.ts';
import { describeCheck } from '../lab/report.ts';
import { chooseAccel } from '../machine/accel.ts';
import { makeRunDirectory } from '../run/run.ts';
import type { Capture } from './capture.ts';
import { fetchDebianImage } from './image.ts';
import { runDebian } from './machine.ts';
import { fetchRepository, makePackagesDisk } from './repository.ts';
import { SEARCHES } from './smallest.ts';
import { STORIES, type Story, type Teller } from './stories.ts';
import { captureTable } from './table.ts';

const namesOf = (stories: readonly Story[]) => stories.map(({ name }) => name);

await runCommand({
  name: 'npm run machine --',
  purpose:
    'Installs the package on a Debian in QEMU, arms it, crashes it, updates its kernel, crashes it again, removes it; and the same with kdump-tools.',
  options: {
    only: {
      value: 'NAME',
      help: `one of ${namesOf(STORIES).join(', ')}; with --smallest of ${namesOf(SEARCHES).join(', ')}`,
    },
    console: { help: 'show the serial console live' },
    smallest: { help: 'instead: the smallest crashkernel= with which each of them captures' },
    deadline: { value: 'MINUTES', default: '120', help: 'for each machine' },
    'keep-disk': { help: 'keep the disk images in the run’s folder' },
  },
  async run(given, signal) {
    const cache = openCache(console.log);
    ensureHostPackages(join(cache.dir, 'host-packages.log'), console.log);
    const deadlineSeconds = 60 * wholeNumber('deadline', given.deadline, 1, 1440);
    const all = given.smallest ? SEARCHES : STORIES;
    const stories = given.only
      ? all.filter(({ name }) => name === oneOf('only', given.only, namesOf(all)))
      : all;
    await buildProgram(console.log);
    const deb = await buildDeb(console.log);
    const { accel, why } = await chooseAccel(cache, 'auto', (await fetchKernel(cache)).vmlinuz);
    console.log(`QEMU runs on ${why}`);
    const image = await fetchDebianImage(cache, accel, signal);
    const repository = await fetchRepository(cache);
    const directory = makeRunDirectory('machine');
    const packages = join(directory, 'packages.img');
    await makePackagesDisk(packages, repository, deb);

    const tell = async (story: Story) => {
      const own = join(directory, story.name);
      await mkdir(own);
      const disk = join(own, 'disk.img');
      await tool('cp', ['--sparse=always', '--reflink=auto', image.disk, disk]);
      const checks: Check[] = [];
      const captures: Capture[] = [];
      console.log(`${story.name}: ${story.purpose}`);
      const machine = {
        accel,
        disk,
        packages,
        directory: own,
        deadlineSeconds,
        onLine: consoleLines(given.console),
        signal,
      };
      const check: Teller['check'] = (what, holds, saw) => {
        checks.push({ what, holds, saw });
        console.log(describeCheck({ what, holds, saw }));
      };
      const teller: Teller = {
        say: line => console.log(`  ${line}`),
        capture: capture => void captures.push(capture),
        check,
      };
      try {
        await runDebian(machine, guest => story.run(guest, teller));
      } catch (error) {
        // The other story is still worth telling.
        if (signal.aborted || !(error instanceof Failure)) throw error;
        check('the story comes to its end', false, describeError(error));
      }
      if (!given['keep-disk']) await rm(disk);
      return { name: story.name, checks, captures };
    };
    const results = [];
    try {
      for (const story of stories) results.push(await tell(story));
    } finally {
      await rm(packages, { force: true });
    }
    await writeFile(
      join(directory, 'summary.json'),
      `${JSON.stringify({ accel, image: image.record, results }, null, 2)}\n`,
    );
    console.log(captureTable(results));
    console.log(`\n  ${relative(process.cwd(), join(directory, 'summary.json'))}`);
    const broken = results.flatMap(({ checks }) => checks).filter(({ holds }) => !holds);
    return broken.length === 0 ? EXIT.done : EXIT.failed;
  },
});
