/** `npm run check`: types, lint, unit tests. `npm test`: these, and real crashes. */
import { join } from 'node:path';
import { openCache } from '../qemu/cache.ts';
import { EXIT, runCommand } from '../scripts/cli.ts';
import { ensureHostPackages } from '../scripts/setup/host-packages.ts';
import { step, type TestCounts, testStep } from './steps.ts';

await runCommand({
  name: 'npm test --',
  purpose: 'Checks everything: types, lint, unit tests, and real crashes judged by independent tools.',
  options: { quick: { help: 'without the real crashes: under a minute (npm run check)' } },
  async run({ quick }, signal) {
    const cache = openCache(console.log);
    ensureHostPackages(join(cache.dir, 'host-packages.log'), console.log);
    await step('types', ['tsc', '-p', '.'], signal);
    await step('lint and format', ['biome', 'check', '.'], signal);
    const counts: TestCounts[] = [await testStep('unit', true, signal)];
    // One machine at a time: two would only take each other's time.
    if (!quick) counts.push(await testStep('vm', false, signal));
    const sum = (key: keyof TestCounts) => counts.reduce((total, count) => total + count[key], 0);
    console.log(`\n${sum('passed')} passed, ${sum('failed')} failed`);
    return sum('failed') === 0 ? EXIT.done : EXIT.failed;
  },
});
