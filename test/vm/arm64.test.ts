/** A machine of arm64, which QEMU emulates where this is none: its crash kernel is loaded by kdumpling's own kexec_load. */
import { beforeAll, expect, test } from 'vitest';
import { type Lab, openLab } from '../../qemu/lab/lab.ts';
import { DEFAULT_MACHINE } from '../../qemu/lab/options.ts';
import { broken, crashWithFault } from './lab.ts';

let lab: Lab;
beforeAll(async () => {
  const kernel = { series: '6.12', flavour: 'cloud' } as const;
  lab = await openLab({ ...DEFAULT_MACHINE, architecture: 'arm64', kernel }, line => console.log(line));
});

test('it is captured, and the dump is the memory that QEMU saw', async () => {
  const verdict = await crashWithFault(lab, 'guest-ram');
  expect(verdict.run.lines.map(({ text }) => text)).toContain('lab: loaded by kexec_load');
  expect(broken(verdict)).toEqual([]);
});
