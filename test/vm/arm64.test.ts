/** A machine of arm64, which QEMU emulates where this is none: its crash kernel is loaded by kdumpling's own kexec_load. */
import { describe, expect, test } from 'vitest';
import { openLab } from '../../qemu/lab/lab.ts';
import { DEFAULT_MACHINE, debianKernelNamed, geometryOf, triggerOf } from '../../qemu/lab/options.ts';
import { FULL_LAB_VARIABLE } from './full-lab.ts';
import { broken, crashWithFault } from './lab.ts';

/** What is unusual about the machine, by the lab's names. */
interface Machine {
  readonly kernel: string;
  readonly fault: string;
  readonly trigger: string;
  readonly geometry: string;
}

const USUAL = { fault: 'none', trigger: 'sysrq-c', geometry: 'bios' };

async function crash({ kernel, fault, trigger, geometry }: Machine) {
  const choice = {
    ...DEFAULT_MACHINE,
    architecture: 'arm64',
    kernel: debianKernelNamed(kernel),
    trigger: triggerOf(trigger),
    geometry: geometryOf(geometry),
  };
  return crashWithFault(await openLab(choice, line => console.log(line)), fault);
}

test('it is captured, and the dump is the memory that QEMU saw', async () => {
  const verdict = await crash({ ...USUAL, kernel: '6.12-cloud', fault: 'guest-ram' });
  expect(verdict.run.lines.map(({ text }) => text)).toContain('lab: loaded by kexec_load');
  expect(broken(verdict)).toEqual([]);
});

describe.runIf(process.env[FULL_LAB_VARIABLE])('on every kind of arm64', () => {
  const machines = [
    // kexec-tools of Debian 12 describes this kernel’s memory wrongly: kdumpling loads the crash kernel by itself.
    { kernel: '6.1-cloud' },
    { kernel: '6.12-cloud', fault: 'every-level' },
    { kernel: '6.12-16k', fault: 'every-level' },
    { kernel: '7.x-cloud', fault: 'every-level' },
    { kernel: '6.12-cloud', geometry: 'uefi' },
    { kernel: '6.12-cloud', geometry: 'uefi-dtb' },
    { kernel: '6.12-cloud', trigger: 'null' },
    { kernel: '7.x-cloud', fault: 'lean', trigger: 'stack-overflow' },
    { kernel: '6.12-cloud', fault: 'several-cpus', trigger: 'other-cpu' },
    { kernel: '6.12-cloud', fault: 'softdog-expires' },
  ].map((machine): Machine => ({ ...USUAL, ...machine }));

  test.each(machines)('$kernel $fault $trigger $geometry', async machine => {
    expect(broken(await crash(machine))).toEqual([]);
  });
});
