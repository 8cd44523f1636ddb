/** Stacks that a guest's kernel printed against those of a dump. */
import { expect, test } from 'vitest';
import {
  compareProcStacks,
  compareStacks,
  type DumpedStack,
  sysrqStacks,
} from '../../../../../qemu/judges/guest-view/stacks.ts';

const WAIT = 'do_wait+0x1b';
const ENTRY = 'entry_SYSCALL_64_after_hwframe+0x6e';

function stackOf(...frames: readonly string[]): DumpedStack {
  return {
    pid: 20,
    comm: 'sh',
    frames: frames.map(text => ({ text, isScheduler: /schedule/.test(text) })),
  };
}
const DUMPED = stackOf('__schedule+0x3', 'schedule+0x5', WAIT, ENTRY);

test('/proc leaves out the scheduler’s functions, and nothing else may differ', () => {
  const differ = (...frames: string[]) => compareProcStacks([{ pid: 20, frames }], [DUMPED]).differences;
  expect(differ(WAIT, ENTRY)).toEqual([]);
  expect(differ(WAIT)).toHaveLength(1);
  expect(differ('do_wait+0x1c', ENTRY)).toHaveLength(1);
  expect(differ('more+0x1', WAIT, ENTRY)).toHaveLength(1);
  expect(compareProcStacks([{ pid: 21, frames: [WAIT] }], [DUMPED]).differences).toEqual([
    'PID 21 has no stack',
  ]);
});

const LOG = `[    9.1] sysrq: Show State
[    9.2] task:sh              state:S stack:0     pid:20    ppid:1      flags:0x00000002
[    9.2] Call Trace:
[    9.2]  <TASK>
[    9.2]  __schedule+0x3/0x9
[    9.2]  ? lost+0x1/0x2
[    9.2]  schedule+0x5/0xb
[    9.2]  do_wait+0x1b/0x30
[    9.2]  entry_SYSCALL_64_after_hwframe+0x6e/0xd8
[    9.2] RIP: 0033:0x7f1
[    9.2]  </TASK>
[    9.2] sysrq: Trigger a crash
[    9.2]  of_another+0x1/0x2
[    9.3] task:init            state:R  running task     stack:    0 pid:    1 ppid:     0 flags:0x00004000
[    9.3] Call Trace:
[    9.3]  show_stack+0x1/0x2
[    9.3] Showing busy workqueues and worker pools:`.split('\n');

test('what sysrq-t prints of tasks that sleep', () => {
  const printed = sysrqStacks(LOG);
  expect(printed).toEqual([{ pid: 20, frames: ['__schedule+0x3', 'schedule+0x5', WAIT, ENTRY] }]);
  expect(compareStacks(printed, [DUMPED])).toEqual({ compared: 1, differences: [], notes: ['4 frames'] });
  expect(compareStacks(printed, [stackOf(WAIT, ENTRY)]).differences).toHaveLength(1);
  expect(sysrqStacks(LOG.slice(1))).toEqual([]);
});
