/** What a report says of a real crash by the memory alone is what it says by the kernel's own log. */
import { describe, expect, test } from 'vitest';
import { present } from '../../capture/autopsy/summary/autopsy.ts';
import { findDump } from '../../scripts/lib/dumps/find-dump.ts';
import { kernelLogText } from '../../scripts/lib/dumps/kernel-log.ts';
import { openHost } from '../../scripts/lib/host/host.ts';
import { reportOf } from '../../scripts/lib/report/crash-report.ts';
import { missingParts } from '../../scripts/lib/report/page/next.ts';
import { readAutopsy } from '../../scripts/lib/report/read-autopsy.ts';
import { vmcoreOf, wantedForeignKernels, wantedKernels } from './vmcores.ts';

describe.each([...wantedKernels(), ...wantedForeignKernels()])('%s', kernel => {
  const host = openHost();
  const read = () => {
    const dump = findDump(host, vmcoreOf(kernel).vmcore);
    const log = kernelLogText(host, dump, () => {});
    const { autopsy } = readAutopsy(host, dump, log, true);
    return {
      autopsy,
      byLog: reportOf(dump, log, 'h'),
      byBoth: reportOf(dump, log, 'h', autopsy),
      byMemory: reportOf(dump, '', 'h', autopsy),
    };
  };

  test('class, task, frames and signature by memory, by log, and by both', () => {
    const { byLog, byBoth, byMemory } = read();
    expect(byLog.crash).toMatchObject({ class: 'sysrq', stackFrom: 'log', task: { pid: 1 } });
    for (const { crash, signature } of [byBoth, byMemory]) {
      expect(crash).toMatchObject({
        class: 'sysrq',
        stackFrom: 'memory',
        task: byLog.crash.task,
        differences: [],
      });
      expect(signature).toBe(byLog.signature);
    }
    const sure = ({ crash }: typeof byLog) =>
      crash.trace.filter(({ doubtful }) => !doubtful).map(({ name }) => name);
    const from = (names: string[]) => names.slice(names.indexOf('sysrq_handle_crash'));
    expect(from(sure(byMemory))).toEqual(from(sure(byLog)));
  });

  test('no part is missing, and the parts agree with each other', () => {
    const { autopsy } = read();
    expect(missingParts(autopsy)).toEqual([]);
    const [groups, cpus, memory, meminfo] = [
      present(autopsy.stacks)!,
      present(autopsy.cpus)!,
      present(autopsy.memory)!,
      present(autopsy.meminfo)!,
    ];
    expect(cpus.filter(({ isPanicking }) => isPanicking)).toHaveLength(1);
    const tasks = groups.flatMap(group => group.tasks.map(({ pid, comm }) => `${pid} ${comm}`));
    expect(new Set(tasks).size).toBe(tasks.length);
    expect(tasks.length).toBe(groups.reduce((sum, { count }) => sum + count, 0));
    for (const { task } of cpus) expect(tasks).toContain(`${task!.pid} ${task!.comm}`);
    const freeKiB = (memory.uses.free! * memory.pageSizeBytes) / 1024;
    // The pages of per-CPU lists are free, and are not marked so.
    expect(Math.abs(freeKiB - meminfo.MemFree!) / meminfo.MemTotal!).toBeLessThan(0.01);
  });
});
