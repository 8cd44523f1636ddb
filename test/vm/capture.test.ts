/** Real crashes of a stock kernel, judged by tools that are not ours. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { fetchTool } from '../../build/fetch/tools.ts';
import { type CrashVerdict, runCrash } from '../../qemu/judges/crash.ts';
import type { Verdict } from '../../qemu/lab/crash.ts';
import type { Lab } from '../../qemu/lab/lab.ts';
import { SYSRQ_CRASH } from '../../qemu/triggers/triggers.ts';
import { openKdump } from '../support/kdump-reader.ts';
import { broken, crashWithFault, openTestLab } from './lab.ts';

let lab: Lab;
beforeAll(async () => {
  lab = await openTestLab();
});

describe.each([1, 31])('dump level %i', level => {
  let verdict: Verdict;
  let vmcore: string;
  beforeAll(async () => {
    verdict = await crashWithFault(lab, 'none', [`kdumpling.dumpLevel=${level}`]);
    vmcore = join(verdict.run.dumps[0] ?? '', 'vmcore');
  });

  test('the crash was captured and committed, and the machine rebooted', () => {
    expect(broken(verdict)).toEqual([]);
    expect(verdict.checks.length).toBeGreaterThan(10);
  });

  test('the stations were passed in order', () => {
    const times = Object.values(verdict.run.milestones);
    expect(Object.keys(verdict.run.milestones)).toHaveLength(8);
    expect(times).toEqual([...times].sort((a, b) => a - b));
  });

  test('the crash kernel’s log beside it is complete', () => {
    const log = readFileSync(join(verdict.run.dumps[0], 'kexec-dmesg.log'), 'utf8');
    expect(log).toContain('Linux version');
    expect(log).toMatch(/kdumpling: start: /);
    expect(log).toMatch(/kdumpling: dump: .* verified/);
  });

  // Pages of a tmpfs file are cache: only level 1 keeps them.
  test(`the marker in files and processes is ${level === 1 ? 'in the dump' : 'left out with their pages'}`, () => {
    const dump = openKdump(readFileSync(vmcore));
    let found = 0;
    for (let pfn = 0; pfn < dump.header.maxMapnr64; pfn++) {
      const page = dump.readPage(pfn);
      if (page instanceof Buffer && page.includes(verdict.run.marker)) found++;
    }
    if (level === 1) expect(found).toBeGreaterThan(30);
    else expect(found).toBeLessThan(10);
  });

  describe('crash 9', () => {
    let crash: CrashVerdict;
    beforeAll(async () => {
      const vmlinux = await lab.judges.vmlinux();
      crash = await runCrash(await fetchTool(lab.cache, 'crash'), {
        vmlinux,
        dump: vmcore,
        expected: {
          release: lab.kernel.release,
          panic: SYSRQ_CRASH.panic,
          frames: [...SYSRQ_CRASH.frames, 'write_sysrq_trigger'],
        },
      });
    });

    test('has no complaints', () => expect(crash.problems).toEqual([]));

    test('names the panicking task: the shell that wrote to sysrq-trigger', () => {
      expect(crash.summary.panicTask).toEqual({ pid: 1, comm: 'init' });
    });

    test('shows all of the kernel’s tasks with ps', () => {
      expect(crash.summary.tasks).toBeGreaterThan(40);
      expect(crash.summary.psCount).toBeGreaterThanOrEqual(crash.summary.tasks);
    });

    test('reads the log to its last line', () => expect(crash.log).toContain('sysrq: Trigger a crash'));
  });
});
