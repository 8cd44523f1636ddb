/** The machine of a search, as its journal names it. */
import { expect, test } from 'vitest';
import { defaultsOf } from '../../../../qemu/lab/options.ts';
import { checkSearchable, MACHINE, unusualMachine } from '../../../../qemu/search/machine.ts';

const usual = defaultsOf(MACHINE);

test('the usual one has no name', () => {
  expect(unusualMachine(usual)).toBe('');
});

test('another is named by what is not usual', () => {
  const given = { memory: '4096', geometry: 'uefi', raw: true, 'crash-option': ['a=1', 'b=2'], level: '1' };
  expect(unusualMachine({ ...usual, ...given })).toBe(
    '--geometry uefi --memory 4096 --level 1 --raw --crash-option a=1 --crash-option b=2',
  );
});

test('what does not change a capture does not count', () => {
  expect(unusualMachine({ ...usual, arch: 'arm64', console: true, deadline: '900' })).toBe('');
});

test('a geometry with a reservation of its own cannot be searched', () => {
  for (const geometry of ['reserved-at', 'reserved-across', 'reserved-cma'])
    expect(() => checkSearchable({ geometry })).toThrow(
      new RegExp(`--geometry: its value is "${geometry}"; expected one without.*: bios, uefi`),
    );
  for (const geometry of ['bios', 'uefi', 'nodes']) checkSearchable({ geometry });
});
