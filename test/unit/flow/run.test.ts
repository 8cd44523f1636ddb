/** The capture program from its first line to the final action: every way that it can end. */
import { describe, expect, test } from 'vitest';
import { type Machine, runCapture } from '../../../capture/flow/run.ts';
import { openMemoryBudget } from '../../../capture/init/memory-budget.ts';
import type { ShellRequest } from '../../../capture/init/shell.ts';
import { openLog } from '../../../capture/log.ts';
import type { CaptureOptions } from '../../../capture/options/schema.ts';
import { fakeAutopsist } from '../../support/fake-autopsist.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { fakeHeartbeat } from '../../support/fake-heartbeat.ts';
import { refuses } from '../../support/fake-place.ts';
import { fakeSystem } from '../../support/fake-system.ts';
import { vmcoreFile, withTargets } from './fixture.ts';

/** Where the real program ends: PID 1 is gone, and the kernel panics. */
class Exit extends Error {}

type Given = Partial<Pick<Machine, 'readText' | 'hooks' | 'openShell' | 'drainConsole'>> & {
  readonly options?: Partial<CaptureOptions>;
  readonly commandLine?: string;
  readonly broken?: Parameters<typeof fakeSystem>[0];
  /** Whether the target takes a dump. */
  readonly target?: 'works' | 'is missing';
};

function start({ options, commandLine = '', broken, target = 'works', ...given }: Given = {}) {
  const clock = new FakeClock();
  const lines: string[] = [];
  const log = openLog(line => lines.push(line.slice(15).trimEnd()), clock.seconds);
  const system = fakeSystem(broken);
  const heartbeat = fakeHeartbeat();
  const shells: ShellRequest[] = [];
  let uncaught: (error: unknown) => void = () => {};
  const files: Readonly<Record<string, string>> = {
    '/etc/kdumpling.json': JSON.stringify({ target: '/dev/disk0', fstype: 'ext4', modules: [], ...options }),
    '/proc/cmdline': `console=ttyS0 ${commandLine}\n`,
    '/proc/meminfo': 'MemTotal: 2048 kB\nMemAvailable: 1024 kB\n',
  };
  const { openTarget } = withTargets([target === 'works' ? {} : { open: refuses('DEVICE_MISSING') }]);
  const machine: Machine = {
    clock,
    log,
    system,
    heartbeat,
    memory: openMemoryBudget(path => files[path]!),
    ffi: undefined,
    libc: undefined,
    hooks: {},
    vmcorePath: vmcoreFile(),
    compressors: { cpus: 1, program: '' },
    autopsist: fakeAutopsist(),
    sleep: clock.sleep,
    drainConsole() {},
    readText: path => files[path]!,
    openTarget: (_, spec) => openTarget(spec),
    openShell: request => void shells.push(request),
    onUncaught(handle) {
      uncaught = handle;
    },
    exit() {
      throw new Exit();
    },
    ...given,
  };
  /** Runs as Node does, which hands what escapes to the handler. Returns whether the program has ended. */
  const ends = (work: () => void): boolean => {
    try {
      work();
      return false;
    } catch (error) {
      return error instanceof Exit || ends(() => uncaught(error));
    }
  };
  const isOver = ends(() => runCapture(machine));
  return {
    isOver,
    lines,
    heartbeat,
    shells,
    clock,
    throwUncaught: (error: unknown) => ends(() => uncaught(error)),
    endShell: () => ends(() => shells[0]!.onEnd()),
    /** What the kernel was asked to do last. */
    actions: () => system.calls.filter(call => call.startsWith('shutDown')),
  };
}

const ACTIONS = ['reboot', 'halt', 'poweroff'] as const;

describe('after a complete dump', () => {
  test.each(ACTIONS)('the final action: %s', finalAction => {
    const { isOver, lines, heartbeat, actions } = start({ options: { finalAction, failureAction: 'shell' } });
    expect(isOver).toBe(true);
    expect(actions()).toEqual([`shutDown ${finalAction}`]);
    expect(lines.at(-2)).toMatch(
      /^kdumpling: end: saved \/var\/crash\/\S+ \(bytes: vmcore-dmesg.txt \d+, vmcore \d+, /,
    );
    expect(lines.at(-1)).toBe(`kdumpling: end: final action: ${finalAction}`);
    expect(heartbeat.phases.at(-1)).toBe(finalAction);
    expect(heartbeat.waits.at(-1)!.sysrqKey).toBe(finalAction === 'poweroff' ? 'o' : 'b');
  });

  test('a machine that is to halt gives the supervisor time to disarm the watchdogs', () => {
    const seconds = (finalAction: (typeof ACTIONS)[number]) =>
      start({ options: { finalAction } }).clock.seconds();
    expect(seconds('halt') - seconds('reboot')).toBe(3);
  });

  test('a kernel that refuses: PID 1 ends, and the log says what follows', () => {
    const { isOver, lines } = start({ broken: ['shutDown'] });
    expect(isOver).toBe(true);
    expect(lines.at(-1)).toMatch(/^kdumpling: end: test: shutDown is broken; PID 1 ends now, .* panic=/);
  });

  test('a console that cannot be drained does not keep the machine from rebooting', () => {
    const drainConsole = () => {
      throw new Error('EIO');
    };
    expect(start({ drainConsole }).actions()).toEqual(['shutDown reboot']);
  });
});

describe('after a failure', () => {
  test.each(ACTIONS)('the failure action: %s', failureAction => {
    const options = { failureAction, finalAction: 'reboot' } as const;
    const { isOver, lines, heartbeat, actions } = start({ options, target: 'is missing' });
    expect(isOver).toBe(true);
    expect(actions()).toEqual([`shutDown ${failureAction}`]);
    expect(lines.at(-2)).toMatch(/^kdumpling: end: NOT saved: target: .*; nothing is on the disk$/);
    expect(heartbeat.waits[0]!.sysrqKey).toBe(failureAction === 'poweroff' ? 'o' : 'b');
  });

  test('the places that have files are named', () => {
    const hooks = {
      onPhase(phase: string) {
        if (phase === 'plan') throw new Error('thrown in plan');
      },
    };
    expect(start({ hooks }).lines.at(-2)).toMatch(
      /NOT saved: dump: thrown in plan; .*; what could be saved is in \/var\/crash\//,
    );
  });
});

describe('the rescue shell', () => {
  const options = { failureAction: 'shell', finalAction: 'poweroff', shellTimeout: 7 } as const;

  test('opens after a failure, and the final action follows it', () => {
    const run = start({ options, target: 'is missing' });
    expect(run.isOver).toBe(false);
    expect(run.actions()).toEqual([]);
    expect(run.shells[0]!.idleSeconds).toBe(7);
    expect(run.shells[0]!.banner[0]).toMatch(/the dump was not saved: target: /);
    expect(run.endShell()).toBe(true);
    expect(run.actions()).toEqual(['shutDown poweroff']);
  });

  test('an error that nothing catches while it is open leads to the final action', () => {
    const run = start({ options, target: 'is missing' });
    expect(run.throwUncaught(new Error('late'))).toBe(true);
    expect(run.actions()).toEqual(['shutDown poweroff']);
    expect(run.lines).toContain(
      'kdumpling: shell: unexpected error: late; what to do: report this with the log',
    );
  });

  test('cannot be opened: the final action follows at once', () => {
    const openShell = () => {
      throw new Error('no memory for a shell');
    };
    const run = start({ options, target: 'is missing', openShell });
    expect(run.isOver).toBe(true);
    expect(run.actions()).toEqual(['shutDown poweroff']);
  });
});

describe('an error that nothing catches', () => {
  test('while capturing: it is a failure like any other', () => {
    const run = start({ readText: () => '{' });
    expect(run.isOver).toBe(true);
    expect(run.lines.at(-2)).toMatch(
      /^kdumpling: end: NOT saved: unexpected error: .*; what to do: report this with the log$/,
    );
    expect(run.actions()).toEqual(['shutDown reboot']);
  });

  test('after the final action: PID 1 ends, and nothing is done twice', () => {
    const run = start();
    expect(run.throwUncaught(new Error('late'))).toBe(true);
    expect(run.actions()).toEqual(['shutDown reboot']);
    expect(run.lines.at(-1)).toBe('kdumpling: end: final action: reboot');
  });

  test('a saved dump is not followed by the rescue shell', () => {
    const run = start({ options: { failureAction: 'shell' } });
    run.throwUncaught(new Error('late'));
    expect(run.shells).toEqual([]);
  });
});

describe('options', () => {
  test('words of the command line win over the image; one that makes no sense is a warning', () => {
    const { actions, lines, heartbeat } = start({
      commandLine: 'kdumpling.finalAction=halt kdumpling.stallTimeout=77 kdumpling.codec=lzma',
    });
    expect(actions()).toEqual(['shutDown halt']);
    expect(heartbeat.waits[0]).toEqual({ stallSeconds: 77, endSeconds: 3660, sysrqKey: 'b' });
    expect(lines.find(line => line.includes('options: warning: Cannot use the option codec'))).toBeDefined();
  });

  test.each([
    ['/proc/cmdline', 1],
    ['/proc/meminfo', 0],
  ])('%s that cannot be read costs no dump', (unreadable, warnings) => {
    const readText = (path: string) => {
      if (path === unreadable) throw new Error('EIO');
      return path === '/etc/kdumpling.json' ? '{"target":"/dev/disk0","fstype":"ext4","modules":[]}' : '';
    };
    const { lines } = start({ readText });
    expect(lines.some(line => line.includes('end: saved'))).toBe(true);
    expect(lines.filter(line => line.includes('options: warning'))).toHaveLength(warnings);
  });
});
