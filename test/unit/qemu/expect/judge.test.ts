import { expect, test } from 'vitest';
import { DumpFormatError } from '../../../../capture/errors.ts';
import type { Judges } from '../../../../qemu/expect/check.ts';
import { armed, judge } from '../../../../qemu/expect/expectations.ts';
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

test('a machine that was not armed: the reason is the kernel’s line and the lab’s', async () => {
  const texts = [
    '[    0.000000] crashkernel reservation failed - No suitable area found.',
    'lab: arming',
    'lab: gave up: kexec refused',
  ];
  const run = { lines: texts.map(text => ({ text, atSeconds: 0 })) } as unknown as CrashRun;
  expect(await judge(run, judges, [armed])).toEqual([
    { what: 'the first kernel is armed', holds: false, saw: `${texts[0]}; ${texts[2]}` },
  ]);
});
