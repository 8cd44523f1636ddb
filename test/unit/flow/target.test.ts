import { describe, expect, test } from 'vitest';
import { openCaptureTarget } from '../../../capture/flow/target.ts';
import { openLog } from '../../../capture/log.ts';
import { checkOptions } from '../../../capture/options/schema.ts';
import { targetSpec } from '../../../capture/options/target-spec.ts';
import type { BlockDevice } from '../../../capture/storage/device/block-devices.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { fakeSystem } from '../../support/fake-system.ts';

const UUID = '498f2c98-9b1e-4876-811e-26448d28747f';
const DISK: BlockDevice = {
  node: '/dev/vda',
  aliases: [],
  sizeBytes: 1 << 30,
  superblock: { fstype: 'ext4', uuid: UUID, label: '', hasErrors: false },
};

/** @param appearsAfter seconds after which the disk is there. */
function open(device: string, appearsAfter = 0, broken: Parameters<typeof fakeSystem>[0] = []) {
  const clock = new FakeClock(0);
  const log = openLog(() => {}, clock.seconds);
  const system = fakeSystem(broken);
  const options = checkOptions({ target: device, fstype: 'ext4', modules: [], deviceTimeoutSeconds: 20 });
  const work = () =>
    openCaptureTarget(
      { options, log, clock, system, libc: undefined },
      targetSpec('ext4', device, 'noatime,data=journal'),
      { devices: () => (clock.seconds() >= appearsAfter ? [DISK] : []), makeMountpoint: () => {} },
    );
  return {
    work,
    clock,
    log,
    system,
    lines: () => log.lines.map(({ text }) => text.replace('kdumpling: ', '')),
  };
}

describe('the log names the target', () => {
  test.each([
    ['/dev/vda', 'target: /dev/vda, mounted as ext4'],
    [`UUID=${UUID}`, `target: UUID=${UUID} is /dev/vda, mounted as ext4`],
  ])('%s', (device, line) => {
    const { work, lines, system } = open(device);
    expect(work().device).toBe('/dev/vda');
    expect(lines().at(-1)).toBe(line);
    expect(system.calls).toEqual([expect.stringMatching(/^mount \/dev\/vda \/target .*data=journal/)]);
  });
});

test('closing it unmounts it', () => {
  const { work, system } = open('/dev/vda');
  work().close();
  expect(system.calls.at(-1)).toBe('umount /target');
});

test('it is waited for, and the log says so', () => {
  const { work, lines, clock } = open('/dev/vda', 15);
  work();
  expect(clock.seconds()).toBe(15);
  expect(lines().filter(line => line.startsWith('target: waiting for /dev/vda'))).toHaveLength(2);
});

test('one that does not appear in time is an error that lists the devices', () => {
  const { work, clock } = open('/dev/vda', 21);
  expect(work).toThrow(
    'Cannot find the dump target /dev/vda: it did not appear in 20 s; there are no block devices',
  );
  expect(clock.seconds()).toBe(20);
});

test('one that does not mount is repaired and tried again, then refused', () => {
  const { work, system, log } = open('/dev/vda', 0, ['mount']);
  expect(work).toThrow('test: mount is broken');
  expect(system.calls.map(call => call.split(' ')[0])).toEqual(['mount', 'preen', 'mount']);
  expect(log.warnings).toEqual(['target: test: mount is broken']);
});
