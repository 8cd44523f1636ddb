import { expect, test } from 'vitest';
import { canSkipRealMode } from '../../../../scripts/lib/host/real-mode.ts';
import { hostWith } from '../../../support/host-root.ts';

const kallsyms = (...lines: string[]) =>
  hostWith({
    '/proc/kallsyms': ['T startup_64', ...lines].map(line => `0000000000000000 ${line}\n`).join(''),
  });

test.each([
  ['since Linux 6.2', ['t do_init_real_mode', 'T init_real_mode']],
  ['before', ['t init_real_mode']],
])('the initcall has a name: %s', (_, lines) => {
  expect(canSkipRealMode(kallsyms(...lines))).toBe(true);
});

test.each([
  ['no initcall of that name', ['T init_real_mode', 't do_init_real_mode.cold']],
  ['stubs for initcalls', ['t do_init_real_mode', 't __initstub__kmod_init__250_219_do_init_real_modeearly']],
])('it has not: %s', (_, lines) => {
  expect(canSkipRealMode(kallsyms(...lines))).toBe(false);
  expect(canSkipRealMode(hostWith({}))).toBe(false);
});
