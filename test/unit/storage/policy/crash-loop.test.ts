import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  capturesBefore,
  countCrash,
  parseCrashLoop,
  readHistory,
  secondsOfStamp,
} from '../../../../capture/storage/policy/crash-loop.ts';

const LIMIT = { captures: 3, minutes: 10 };
const NOW = Date.UTC(2026, 10, 26, 11, 0, 0) / 1000;

test.each([
  ['3/10', LIMIT],
  ['0', undefined],
])('%s', (text, limit) => expect(parseCrashLoop(text)).toEqual(limit));

test.each([
  ['20261126T110000Z', NOW],
  ['20261126T110000Z-2', NOW],
  ['19700101T000035Z', 35],
  ['crash-2026', undefined],
  ['..', undefined],
])('%s', (name, seconds) => expect(secondsOfStamp(name)).toBe(seconds));

test.each([
  [[NOW - 1, NOW - 599, NOW - 600], 3],
  [[NOW - 1, NOW - 599, NOW - 601], 2],
  [[NOW + 1, NOW], 1],
  [[], 0],
])('with a clock, captures at %s', (captures, before) => {
  const crash = { seconds: NOW, trusted: true, uptimeSeconds: 5 };
  expect(capturesBefore(LIMIT, crash, { captures, quick: 99 })).toBe(before);
});

describe('without a clock', () => {
  let dumps: string;
  beforeEach(() => {
    dumps = mkdtempSync(join(tmpdir(), 'kdumpling-crash-loop-'));
  });
  afterEach(() => rmSync(dumps, { recursive: true }));

  /** Boots that each crash after some seconds: how many quick ones each capture sees before it. */
  function crashes(...uptimes: (number | undefined)[]): number[] {
    return uptimes.map((uptimeSeconds, i) => {
      const name = `19700101T000035Z${i > 0 ? `-${i + 1}` : ''}`;
      mkdirSync(join(dumps, name));
      const crash = { seconds: 35, trusted: false, uptimeSeconds };
      const history = readHistory(dumps, name);
      countCrash(dumps, LIMIT, crash, history);
      return capturesBefore(LIMIT, crash, history);
    });
  }

  test('crashes soon after the boot count', () => expect(crashes(35, 36, 599, 35)).toEqual([0, 1, 2, 3]));
  test('one that came late ends the row', () => expect(crashes(35, 36, 600, 35)).toEqual([0, 1, 0, 0]));
  test('one whose log does not say is not quick', () =>
    expect(crashes(35, undefined, 35)).toEqual([0, 0, 0]));

  test('a count that makes no sense is none', () => {
    writeFileSync(join(dumps, '.crash-loop'), 'lots\n');
    expect(crashes(35)).toEqual([0]);
  });

  test('with a clock nothing is counted', () => {
    countCrash(dumps, LIMIT, { seconds: NOW, trusted: true, uptimeSeconds: 5 }, readHistory(dumps, ''));
    expect(readdirSync(dumps)).toEqual([]);
  });
});
