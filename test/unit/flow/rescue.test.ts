import { expect, test } from 'vitest';
import type { FailedOutcome } from '../../../capture/flow/record.ts';
import { openRescue } from '../../../capture/flow/rescue.ts';
import type { ShellRequest } from '../../../capture/init/shell.ts';
import { openLog } from '../../../capture/log.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { fakeHeartbeat } from '../../support/fake-heartbeat.ts';

const clock = new FakeClock();

/** @param close what unmounting does; @param reopen what mounting does; none for a failure without a target. */
function rescue(reopen?: () => void, close: () => void = () => {}) {
  const events: string[] = [];
  const shells: ShellRequest[] = [];
  const log = openLog(() => {}, clock.seconds);
  const outcome: FailedOutcome = {
    saved: false,
    reason: 'dump: EIO',
    places: [],
    rescue: reopen && {
      directory: '/var/crash/S',
      reopen() {
        events.push('mounted');
        reopen();
        return {
          description: '',
          device: '/dev/vda',
          mountpoint: '/target',
          createPlace: () => {
            throw new Error('not for a shell');
          },
          close() {
            events.push('unmounted');
            close();
          },
        };
      },
    },
  };
  openRescue(outcome, {
    finalAction: 'reboot',
    idleSeconds: 300,
    clock,
    heartbeat: fakeHeartbeat(),
    log,
    openShell(request) {
      events.push('shell');
      shells.push(request);
    },
    onEnd: () => events.push('ended'),
  });
  return { events, shell: shells[0]!, log };
}

const refused = () => {
  throw new Error('EBUSY');
};

test('the target is mounted before the shell and unmounted after it', () => {
  const { events, shell } = rescue(() => {});
  expect(events).toEqual(['mounted', 'shell']);
  expect(shell.banner[1]).toContain('what was saved is in /target/var/crash/S');
  shell.onEnd();
  expect(events).toEqual(['mounted', 'shell', 'unmounted', 'ended']);
});

test('a target that does not mount again still gets a shell, and is not unmounted', () => {
  const { events, shell, log } = rescue(refused);
  expect(shell.banner[1]).toContain('the target is not mounted; what was saved is on it, in /var/crash/S');
  expect(log.warnings).toEqual(['shell: EBUSY']);
  shell.onEnd();
  expect(events).toEqual(['mounted', 'shell', 'ended']);
});

test('a target that does not unmount is a warning, and the end follows', () => {
  const { events, shell, log } = rescue(() => {}, refused);
  shell.onEnd();
  expect(events.at(-1)).toBe('ended');
  expect(log.warnings).toEqual(['shell: EBUSY']);
});

test('without a target there is a shell all the same', () => {
  const { events, shell } = rescue();
  expect(events).toEqual(['shell']);
  expect(shell.banner[1]).toContain('the target is not mounted; nothing was saved there');
});
