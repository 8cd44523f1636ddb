/** The words of the fault `several-cpus` on the crash kernel's command line, by architecture. */
import { expect, test } from 'vitest';
import { platformNamed } from '../../../../build/parts/platform.ts';
import { planCommandLine } from '../../../../initrd/command-line.ts';
import { SEVERAL_CPUS } from '../../../../qemu/faults/sound.ts';
import { possibleOn } from '../../../../qemu/kernel/misfit.ts';

test.each([
  ['amd64', ['disable_cpu_apicid=0', 'nr_cpus=4']],
  ['arm64', ['nr_cpus=4']],
])('several CPUs on %s', (name, words) => {
  const architecture = platformNamed(name).node;
  const changes = { append: SEVERAL_CPUS.crashWords ?? [], remove: [] };
  const { text } = planCommandLine('', changes, { architecture, bootApicId: 0 });
  expect(possibleOn(name)(SEVERAL_CPUS)).toBe(true);
  expect(text.split(' ').filter(word => /cpus=|apicid/.test(word))).toEqual(words);
});
