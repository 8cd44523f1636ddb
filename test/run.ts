/** `npm run check`: types, lint, unit tests. `npm test`: these, and real crashes. */
import { join } from 'node:path';
import { openCache } from '../build/cache.ts';
import { ensureHostPackages, HOST_PACKAGES, TEST_PACKAGES } from '../build/host/host-packages.ts';
import { PROJECT } from '../build/paths.ts';
import { EXIT, runCommand } from '../scripts/lib/cli/command.ts';
import {
  ALL_KERNELS,
  DEFAULT_KERNELS,
  KERNELS_VARIABLE,
  wantedForeignKernels,
} from './conformance/vmcores.ts';
import { step, type TestCounts, testStep } from './steps.ts';
import { FULL_LAB_VARIABLE } from './vm/full-lab.ts';

await runCommand({
  name: 'npm test --',
  purpose: 'Checks everything: types, lint, unit tests, and real crashes judged by independent tools.',
  options: {
    quick: { help: 'without the real crashes: under a minute (npm run check)' },
    full: {
      help: `every memory geometry and trigger, a kernel of one's own, a system image, and conformance on all kernels: ${ALL_KERNELS.join(', ')} (else ${DEFAULT_KERNELS.join(', ')})`,
    },
  },
  async run({ quick, full }, signal) {
    const cache = openCache(console.log);
    const packages = [...HOST_PACKAGES, ...TEST_PACKAGES];
    ensureHostPackages(join(cache.dir, 'host-packages.log'), console.log, packages);
    await step('types', ['tsc', '-p', '.'], signal);
    await step('lint and format', ['biome', 'check', '.'], signal);
    const counts: TestCounts[] = [await testStep('unit', true, signal)];
    if (!quick) {
      counts.push(await testStep('sharing', false, signal));
      counts.push(await testStep('hosts', false, signal));
      const kernels = (full ? ALL_KERNELS : DEFAULT_KERNELS).join(',');
      process.env[KERNELS_VARIABLE] = kernels;
      if (full) process.env[FULL_LAB_VARIABLE] = '1';
      const crashed = [kernels, ...wantedForeignKernels()].join(',');
      await step('raw vmcores', ['node', join(PROJECT, 'qemu/vmcores/main.ts'), '--kernel', crashed], signal);
      // One at a time: real machines, and judges that take all the memory they can get.
      counts.push(await testStep('conformance', false, signal));
      counts.push(await testStep('vm', false, signal));
    }
    const sum = (key: keyof TestCounts) => counts.reduce((total, count) => total + count[key], 0);
    console.log(`\n${sum('passed')} passed, ${sum('failed')} failed`);
    return sum('failed') === 0 ? EXIT.done : EXIT.failed;
  },
});
