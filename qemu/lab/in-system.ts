/** What of the lab's faults and triggers can be had inside a system image. */
import type { Fault } from '../faults/fault.ts';
import { CannotCrash } from '../kernel/lab-kernel.ts';
import type { Trigger } from '../triggers/trigger.ts';

/** What a fault asks of the lab's own disk or of its own first kernel. */
const OF_THE_LAB = [
  'disk',
  'driveOptions',
  'secondDisk',
  'beforeCrash',
  'takesGuestRam',
  'layout',
  'withoutRuntimeOnDisk',
  'watchdog',
  'crashes',
  'kernel',
  'withoutConsole',
  'dialogue',
] as const satisfies readonly (keyof Fault)[];

/** @throws CannotCrash */
export function checkSystemFault(path: string, fault: Fault): void {
  const foreign = OF_THE_LAB.filter(name => fault[name] !== undefined);
  if (foreign.length === 0) return;
  throw new CannotCrash('NOT_IN_SYSTEM', {
    action: `make the fault ${fault.name} inside ${path}`,
    actual: 'it changes the lab’s own disk or its own first kernel',
    wanted: 'a fault of the capture program alone',
    toDo: 'Leave out --disk',
  });
}

/** Triggers that crash by PID 1, or by the lab's disk: both are the image's own here. */
const BY_LABS_INIT = ['init-exits', 'hung-task'];
/** What the report calls the task of a trigger that PID 1 of the lab runs. */
const LABS_INIT = 'init';

/** The trigger as the lab's agent runs it inside the image. @throws CannotCrash */
export function triggerInSystem(path: string, trigger: Trigger): Trigger {
  if (BY_LABS_INIT.includes(trigger.name)) {
    throw new CannotCrash('NOT_IN_SYSTEM', {
      action: `crash ${path} by the trigger ${trigger.name}`,
      actual: 'it needs the lab’s own PID 1',
      wanted: 'a trigger that any process can make',
      toDo: 'Leave out --disk',
    });
  }
  if (trigger.report?.comm !== LABS_INIT) return trigger;
  const { comm: _, ...report } = trigger.report;
  return { ...trigger, report };
}
