import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { withHostLock } from '../../../../scripts/lib/host/lock.ts';
import { hostWith } from '../../../support/host-root.ts';

const { signal } = new AbortController();

test('three at once run one after the other', async () => {
  const host = hostWith({});
  const steps: string[] = [];
  // The work is synchronous in the commands; a promise shows that the lock would hold for longer work too.
  const run = (name: string) =>
    withHostLock(host, signal, async () => {
      steps.push(`${name} begins`);
      await sleep(20);
      steps.push(`${name} ends`);
    });
  await Promise.all(['a', 'b', 'c'].map(run));
  expect(steps).toHaveLength(6);
  for (let at = 0; at < 6; at += 2) expect(steps[at + 1]).toBe(steps[at]!.replace('begins', 'ends'));
});

test('the lock ends with work that throws', async () => {
  const host = hostWith({});
  const work = () => {
    throw new Error('no room');
  };
  await expect(withHostLock(host, signal, work)).rejects.toThrow('no room');
  await expect(withHostLock(host, signal, () => 1)).resolves.toBe(1);
});

test('Ctrl-C ends the waiting', async () => {
  const host = hostWith({});
  const controller = new AbortController();
  const waiting = withHostLock(host, signal, () =>
    withHostLock(host, controller.signal, () => 'not reached'),
  );
  controller.abort();
  await expect(waiting).rejects.toThrow(/abort/i);
});
