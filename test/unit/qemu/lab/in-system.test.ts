import { expect, test } from 'vitest';
import { FAULTS } from '../../../../qemu/faults/all.ts';
import { checkSystemFault, triggerInSystem } from '../../../../qemu/lab/in-system.ts';
import { triggerOf } from '../../../../qemu/lab/options.ts';

const check = (fault: string) => checkSystemFault('disk.img', FAULTS.find(({ name }) => name === fault)!);

test.each(['none', 'throw-in-dump', 'hang'].filter(name => FAULTS.some(fault => fault.name === name)))(
  'the fault %s is of the capture program alone',
  fault => {
    expect(() => check(fault)).not.toThrow();
  },
);

test.each(['disk-slow', 'crash-loop', 'lean', 'no-console', 'write-errors'])(
  'the fault %s needs the lab’s own disk or first kernel',
  fault => {
    expect(() => check(fault)).toThrow(`Cannot make the fault ${fault} inside disk.img`);
  },
);

test('a trigger that PID 1 of the lab runs is another task’s', () => {
  expect(triggerInSystem('disk.img', triggerOf('sysrq-c')).report).toEqual({ class: 'sysrq' });
  expect(triggerInSystem('disk.img', triggerOf('null'))).toBe(triggerOf('null'));
});

test.each(['init-exits', 'hung-task'])('the trigger %s needs PID 1 to be the lab’s', name => {
  expect(() => triggerInSystem('disk.img', triggerOf(name))).toThrow('it needs the lab’s own PID 1');
});
