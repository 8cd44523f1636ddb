/** The words that a fault puts on the crash kernel's command line, by architecture. */
import { expect, test } from 'vitest';
import { crashWordsOf } from '../../../../qemu/faults/fault.ts';
import { SEVERAL_CPUS } from '../../../../qemu/faults/sound.ts';
import { possibleOn } from '../../../../qemu/kernel/misfit.ts';

test.each([
  ['amd64', ['nr_cpus=4', 'disable_cpu_apicid=0']],
  ['arm64', ['nr_cpus=4']],
])('several CPUs on %s', (architecture, words) => {
  expect(possibleOn(architecture)(SEVERAL_CPUS)).toBe(true);
  expect(crashWordsOf(SEVERAL_CPUS, architecture)).toEqual(words);
});

test('a fault without words has none', () => {
  expect(crashWordsOf({}, 'amd64')).toEqual([]);
});
