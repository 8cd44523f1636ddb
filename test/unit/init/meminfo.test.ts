import { describe, expect, test } from 'vitest';
import { describeMemory, roomBesideWaiting, watchMemory } from '../../../capture/init/meminfo.ts';
import { fakeHeartbeat } from '../../support/fake-heartbeat.ts';

test.each([
  [
    'MemTotal:         156180 kB\nMemFree:          23776 kB\nMemAvailable:      80004 kB\n',
    '78 of 153 MiB of memory available',
  ],
  ['', '? of ? MiB of memory available'],
])('%j', (meminfo, text) => expect(describeMemory(meminfo)).toBe(text));

describe('the lowest point', () => {
  const meminfo = (availableKib: number) => `MemTotal: 1000 kB\nMemAvailable: ${availableKib} kB\n`;

  test('is the least of what was seen as phases began and within them', () => {
    const heartbeat = fakeHeartbeat();
    let available = 500;
    const watch = watchMemory(heartbeat, () => meminfo(available));
    expect(watch.low()).toBeUndefined();
    watch.heartbeat.enter('open');
    available = 100;
    for (let beats = 0; beats < 200; beats++) watch.heartbeat.beat();
    available = 300;
    watch.heartbeat.enter('verify');
    expect(watch.low()).toEqual({ totalBytes: 1000 * 1024, lowestAvailableBytes: 100 * 1024 });
    expect(heartbeat.phases).toEqual(['open', 'verify']);
  });

  test.each([
    ['the kernel does not say it', () => 'MemTotal: 5 kB\n'],
    [
      'it cannot be read',
      () => {
        throw new Error('EIO');
      },
    ],
  ])('is not known where %s', (_, readText) => {
    const watch = watchMemory(fakeHeartbeat(), readText);
    watch.heartbeat.enter('open');
    expect(watch.low()).toBeUndefined();
  });
});

test.each([
  ['alone', '', 20],
  ['and a third of what the kernel compresses', 'AnonPages: 12288 kB\nSwapFree: 40000 kB\n', 24],
  ['of which there is as much as room for it', 'AnonPages: 12288 kB\nSwapFree: 3072 kB\n', 21],
  ['none where it does not', 'AnonPages: 12288 kB\nSwapFree: 0 kB\n', 20],
])('another program can have what is available, %s', (_, more, mib) =>
  expect(roomBesideWaiting(`MemTotal: 150000 kB\nMemAvailable: 20480 kB\n${more}`)).toBe(mib * 2 ** 20),
);

test('a kernel that does not say it', () => expect(roomBesideWaiting('MemTotal: 5 kB\n')).toBeUndefined());
