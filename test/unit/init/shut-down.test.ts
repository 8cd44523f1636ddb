import { expect, test } from 'vitest';
import { shutDown } from '../../../capture/init/shut-down.ts';
import { openLog } from '../../../capture/log.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { fakeHeartbeat } from '../../support/fake-heartbeat.ts';
import { fakeSystem } from '../../support/fake-system.ts';

const clock = new FakeClock();

test.each([
  ['reboot', 'b', 0],
  ['halt', 'b', 3],
  ['poweroff', 'o', 0],
] as const)('%s: the supervisor hears of it first, and would use the key %s', (action, sysrqKey, waited) => {
  const system = fakeSystem();
  const heartbeat = fakeHeartbeat();
  const order: string[] = [];
  const before = clock.seconds();
  shutDown(action, {
    system,
    log: openLog(() => {}, clock.seconds),
    heartbeat: { ...heartbeat, enter: phase => void order.push(phase, ...system.calls) },
    sleep: clock.sleep,
    drainConsole: () => void order.push('drained', ...system.calls),
  });
  expect(order).toEqual([action, 'drained']);
  expect(system.calls).toEqual([`shutDown ${action}`]);
  expect(heartbeat.waits).toEqual([{ stallSeconds: 60, endSeconds: 0, sysrqKey }]);
  expect(clock.seconds() - before).toBe(waited);
});
