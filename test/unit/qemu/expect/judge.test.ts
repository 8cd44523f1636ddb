import { expect, test } from 'vitest';
import { DumpFormatError } from '../../../../capture/errors.ts';
import type { Judges } from '../../../../qemu/expect/check.ts';
import { judge } from '../../../../qemu/expect/expectations.ts';
import type { CrashRun } from '../../../../qemu/run/run.ts';

const judges = {} as Judges;
const holds = { what: 'another check', holds: true, saw: 'it' };

test('a dump that a judge cannot open fails its check, and the others are made', async () => {
  const refuses = () => {
    throw new DumpFormatError('NO_DMESG', {
      action: 'read the kernel log',
      actual: 'snappy compression unsupported',
    });
  };
  expect(await judge({} as CrashRun, judges, [refuses, () => [holds]])).toEqual([
    {
      what: 'a judge can open what was saved',
      holds: false,
      saw: expect.stringContaining('snappy compression unsupported'),
    },
    holds,
  ]);
});

test('an error that nobody foresaw is not a failed check', async () => {
  const broken = () => {
    throw new TypeError('a mistake in the lab');
  };
  await expect(judge({} as CrashRun, judges, [broken])).rejects.toThrow('a mistake in the lab');
});
