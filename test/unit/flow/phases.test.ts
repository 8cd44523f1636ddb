import { expect, test } from 'vitest';
import type { Clock } from '../../../capture/flow/context.ts';
import { DeadlineError, Phases } from '../../../capture/flow/phases.ts';
import { openProgress } from '../../../capture/flow/progress.ts';

function clock(...times: number[]) {
  return { seconds: () => times.shift() ?? 0, sleep: () => {}, wallSeconds: () => 0 };
}

function heartbeat() {
  const heard: string[] = [];
  return {
    heard,
    enter: (name: string) => heard.push(name),
    beat: () => heard.push('beat'),
    shown: () => {},
    wait: () => {},
    during: <T>(_: number, work: () => T) => work(),
  };
}

function phasesOf(time: Clock, supervisor = heartbeat()): Phases {
  return new Phases({ clock: time, deadlineSeconds: 100, heartbeat: supervisor, hooks: {} });
}

test('every phase is timed, one that fails as well', () => {
  const phases = phasesOf(clock(1, 1, 3.5, 4, 4, 5), heartbeat());
  expect(phases.run('open', () => 'crash')).toBe('crash');
  expect(() =>
    phases.run('dump', () => {
      throw new Error('no');
    }),
  ).toThrow('no');
  expect(phases.seconds).toEqual({ open: 2.5, dump: 1 });
});

test('after the deadline no phase begins', () => {
  const phases = phasesOf(clock(100, 100, 100), heartbeat());
  expect(() => phases.run('dump', () => 1)).toThrow(DeadlineError);
});

test('the supervisor hears of every phase, and of progress in it', () => {
  const supervisor = heartbeat();
  const phases = phasesOf(clock(), supervisor);
  phases.run('dump', () => phases.checkDeadline('dump'));
  phases.runLast('unmount', () => {});
  expect(supervisor.heard).toEqual(['dump', 'beat', 'beat', 'unmount']);
});

test('progress is reported every 2 s at most, with the time left', () => {
  const said: string[] = [];
  const progress = openProgress(4096, text => said.push(text), clock(0, 1, 2, 2.5, 4).seconds);
  for (const done of [100, 250, 300, 500]) progress.report(done, 1000);
  expect(said).toEqual(['25 % of 4 MB, 1 MB/s, ETA 6 s', '50 % of 4 MB, 1 MB/s, ETA 4 s']);
});

test.each([
  [10, 5],
  [3600, 100],
  [86400, 1500],
])('a dump of %i s has at most %i lines', (dumpSeconds, most) => {
  let now = 0;
  const said: string[] = [];
  const progress = openProgress(
    4096,
    text => said.push(text),
    () => now,
  );
  for (; now < dumpSeconds; now += 0.5) progress.report(now + 1, dumpSeconds + 1);
  expect(said.length).toBeLessThanOrEqual(most);
  expect(said.length).toBeGreaterThan(most / 2);
});
