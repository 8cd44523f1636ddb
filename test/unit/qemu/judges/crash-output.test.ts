import { describe, expect, it } from 'vitest';
import {
  ALLOWED,
  findComplaints,
  findLogComplaints,
  judgeSummary,
  parseCrash,
} from '../../../../qemu/judges/crash-output.ts';

const SYS = `      KERNEL: /cache/vmlinux
    DUMPFILE: /runs/vmcore  [PARTIAL DUMP]
        CPUS: 2
       TASKS: 3
     RELEASE: 6.1.0-56-cloud-amd64
       PANIC: "Oops: invalid opcode: 0000 [#1] PREEMPT SMP"
`;
const BT = `PID: 1        TASK: ff43642e411f20c0  CPU: 1    COMMAND: "my init"
 #0 [ff7e08c380013918] machine_kexec at ffffffffacc6c62f
 #1 [ff7e08c380013a30] exc_invalid_op at ffffffffad5cd06e
    [exception RIP: invalidate_all+18]
 #2 [ff7e08c380013ab0] crashme_write at ffffffffc02a8a06 [crashme]
#10 [ff7e08c380013f50] entry_SYSCALL_64_after_hwframe at ffffffffad800126
    RIP: 000000000047b7a0  RSP: 00007ffd012fbec8  RFLAGS: 00000202
`;
const PS = `      PID    PPID  CPU       TASK        ST  %MEM      VSZ      RSS  COMM
>       0       0   0  ffffffffae01a580  RU   0.0        0        0  [swapper/0]
        0       0   1  ff43642e4120a0c0  RU   0.0        0        0  [swapper/1]
>       1       0   1  ff43642e411f20c0  RU   0.1     2260     1448  invalid name
`;
const SOUND = { sys: SYS, bt: BT, ps: PS };

describe('what crash shows', () => {
  it('is read completely', () => {
    expect(parseCrash(SOUND)).toEqual({
      release: '6.1.0-56-cloud-amd64',
      tasks: 3,
      panic: 'Oops: invalid opcode: 0000 [#1] PREEMPT SMP',
      panicTask: { pid: 1, comm: 'my init' },
      frames: [
        { symbol: 'machine_kexec' },
        { symbol: 'exc_invalid_op' },
        { symbol: 'crashme_write', module: 'crashme' },
        { symbol: 'entry_SYSCALL_64_after_hwframe' },
      ],
      psCount: 3,
    });
  });

  it('may be nothing at all', () => {
    const nothing = parseCrash({ sys: '', bt: '', ps: '' });
    expect(nothing).toEqual({
      release: '',
      tasks: 0,
      panic: '',
      panicTask: { pid: -1, comm: '' },
      frames: [],
      psCount: 0,
    });
    expect(judgeSummary(nothing)).toHaveLength(5);
  });
});

describe('complaints', () => {
  it('a sound dump has none, although the kernel’s own words match the pattern', () => {
    expect(findComplaints(SYS + BT + PS)).toEqual([]);
  });

  it('what crash says of a CPU that was stopped within a switch of tasks is none', () => {
    const said = `crash: inconsistent active task indications for CPU 0:
           runqueue: ff313b48c1254180 "rcu_preempt" (default)
       current_task: ffffffffae01aa40 "swapper/0" 

`;
    expect(findComplaints(said + SYS + BT + PS)).toEqual([]);
  });

  it.each([
    'crash: inconsistent active task indications for CPU 0: page excluded',
    'crash: compressed kdump: uncompress failed: -70',
    'WARNING: cannot access module kallsyms',
    'bt: cannot transition from IRQ stack',
    'ps: invalid task address: ff43642e411f20c0',
    'crash: page excluded: kernel virtual address: ff43642e411f20c0  type: "fill_task_struct"',
    'crash: seek error: kernel virtual address: ffffffffae01a580',
    'bt: read error: kernel virtual address: ff7e08c380013918  type: "stack contents"',
  ])('%s', line => {
    expect(findComplaints(`${SYS}${line}\n${BT}`)).toEqual([line]);
  });

  it('in the kernel log, only crash’s own lines count', () => {
    const kernel = '[    1.0] WARNING: CPU: 0 PID: 1 at x\n[    1.1] cannot do invalid things\n   read error';
    expect(findLogComplaints(kernel)).toEqual([]);
    expect(findLogComplaints(`${kernel}\nlog: invalid ring buffer`)).toEqual(['log: invalid ring buffer']);
  });

  it.each(ALLOWED)(
    'the allow-list has a reason and lets no complaint through: $pattern',
    ({ pattern, reason }) => {
      expect(reason).not.toBe('');
      expect(pattern.test('crash: invalid kernel virtual address: 0  type: "x"')).toBe(false);
      expect(pattern.test('WARNING: cannot read')).toBe(false);
    },
  );
});

describe('the verdict', () => {
  it('passes a sound dump that meets what was expected', () => {
    const expected = { release: '6.1.0-56-cloud-amd64', panic: /invalid opcode/, frames: ['crashme_write'] };
    expect(judgeSummary(parseCrash(SOUND), expected)).toEqual([]);
  });

  it.each([
    ['another kernel', {}, { release: '6.1.0-55-cloud-amd64' }, /RELEASE is/],
    ['another panic', {}, { panic: /sysrq/ }, /PANIC is/],
    ['a frame that is not there', {}, { frames: ['panic'] }, /bt lacks panic/],
    ['tasks that ps does not find', { ps: PS.split('\n').slice(0, 3).join('\n') }, {}, /ps shows 2 tasks/],
    ['no stack', { bt: BT.split('\n')[0]! }, {}, /no frame/],
    ['no task', { bt: '' }, {}, /no task/],
  ])('fails: %s', (_, change, expected, problem) => {
    expect(judgeSummary(parseCrash({ ...SOUND, ...change }), expected).join('\n')).toMatch(problem);
  });
});
