/**
 * `npm run vmcores`: crashes filled or used machines and keeps raw copies of their /proc/vmcore, for the conformance tests
 * and the bench.
 */
import { join } from 'node:path';
import { openCache } from '../../build/cache.ts';
import { ensureHostPackages } from '../../build/host/host-packages.ts';
import { EXIT, oneOf, runCommand, wholeNumber } from '../../scripts/lib/cli/command.ts';
import type { SerialLine } from '../machine/serial.ts';
import { prepareVmcore } from './prepare.ts';
import { USED_MACHINE_MIB } from './used-machine.ts';
import { readVmcoreChoice } from './vmcores.ts';

await runCommand({
  name: 'npm run vmcores --',
  purpose: 'Crashes machines and keeps raw copies of their /proc/vmcore in the cache.',
  options: {
    kernel: {
      value: 'LIST',
      default: '6.1-cloud',
      help: 'stock Debian kernels, separated by commas: 5.10-cloud,6.1-generic,6.12-cloud-4level,7.x-cloud-arm64',
    },
    machine: {
      value: 'KIND',
      default: 'filled',
      help: 'filled (with each kind of page, for the tests) or used (as a server is, for the bench)',
    },
    memory: { value: 'MIB', default: `${USED_MACHINE_MIB}`, help: 'memory of a used machine' },
    accel: { value: 'KIND', default: 'auto', help: 'kvm, tcg, or auto: kvm where a test boot works' },
    deadline: { value: 'SECONDS', default: '1800', help: 'kill a machine after this time' },
    refresh: { help: 'make those again that the cache has' },
    console: { help: 'show the serial console live' },
  },
  async run(given, signal) {
    const choices = given.kernel.split(',').map(readVmcoreChoice);
    const kind = oneOf('machine', given.machine, ['filled', 'used']);
    const memoryMib = wholeNumber('memory', given.memory, 1024, 1 << 20);
    const accel = oneOf('accel', given.accel, ['auto', 'kvm', 'tcg']);
    const deadlineSeconds = wholeNumber('deadline', given.deadline, 30, 86400);
    const onLine = ({ text }: SerialLine) => {
      if (given.console || /^lab: |Kernel panic/.test(text)) console.log(`  | ${text}`);
    };
    const cache = openCache(console.log);
    ensureHostPackages(join(cache.dir, 'host-packages.log'), console.log);
    for (const choice of choices) {
      const making = { kind, memoryMib, accel, deadlineSeconds, refresh: given.refresh, onLine, signal };
      const { record, vmcore } = await prepareVmcore(cache, choice, making);
      console.log(`${vmcore}: ${(record.sizeBytes / 1e6).toFixed(0)} MB`);
    }
    return EXIT.done;
  },
});
