import { expect, test } from 'vitest';
import { stampOf } from '../../../capture/storage/manifest.ts';

const CRASHED = Date.UTC(2026, 10, 21, 21, 25, 7) / 1000;
const LATER = CRASHED + 30;

test.each([
  [
    CRASHED,
    LATER,
    { name: '20261121T212507Z', time: '2026-11-21T21:25:07Z', clock: 'vmcoreinfo', trusted: true },
  ],
  [undefined, LATER, { name: '20261121T212537Z', clock: 'capture-kernel', trusted: true }],
  [0, LATER, { name: '20261121T212537Z', clock: 'capture-kernel', trusted: true }],
  [120, 150, { name: '19700101T000200Z', clock: 'vmcoreinfo', trusted: false }],
  [2 ** 53 - 1, LATER, { name: '20261121T212537Z', clock: 'capture-kernel', trusted: true }],
  [Number.MAX_SAFE_INTEGER, 150, { name: '19700101T000230Z', clock: 'capture-kernel', trusted: false }],
  [undefined, 150, { name: '19700101T000230Z', clock: 'capture-kernel', trusted: false }],
])('crashed at %s, captured at %s', (crashed, now, stamp) => {
  expect(stampOf(crashed, now)).toMatchObject(stamp);
});
