/** When a target is repaired and when it is refused, with a fake System; the lab tests real mounts. */
import { describe, expect, test } from 'vitest';
import type { FsckPolicy } from '../../../capture/options/target-spec.ts';
import { isReadOnly, openTarget } from '../../../capture/storage/open-target.ts';

const MOUNT_FAILED = new Error('Cannot mount: bad superblock');

/** @param mounts the result of each mount, in order; @param fsck the checker's output; `none` for an image without a checker. */
function open(
  fstype: string,
  policy: FsckPolicy,
  { hasErrors = false, mounts = ['ok'] as ('ok' | 'fails')[], fsck = 'clean' as string | Error } = {},
) {
  const calls: string[] = [];
  const uuid = '0-1';
  const system = {
    mount() {
      calls.push('mount');
      if (mounts.shift() === 'fails') throw MOUNT_FAILED;
    },
    umount: () => void calls.push('umount'),
    preen() {
      calls.push('preen');
      if (fsck instanceof Error) throw fsck;
      return fsck === 'none' ? undefined : [fsck];
    },
  };
  const say = (text: string) => void calls.push(text.split(' ')[0]);
  let error: unknown;
  try {
    openTarget(
      { kind: 'file system', fstype, device: '/dev/vda', mountOptions: '' },
      {
        system,
        fsck: policy,
        clock: { seconds: () => 0, sleep() {} },
        timeoutSeconds: 0,
        say: () => {},
        warn: say,
        devices: () => [
          { node: '/dev/vda', aliases: [], sizeBytes: 1, superblock: { fstype, uuid, label: '', hasErrors } },
        ],
        makeMountpoint: () => {},
      },
    );
  } catch (caught) {
    error = caught;
  }
  return { calls: calls.filter(call => ['mount', 'umount', 'preen'].includes(call)), error };
}

describe('the order of mount and repair', () => {
  const failed = new Error('Cannot repair');
  test.each([
    ['a sound file system is mounted', 'ext4', 'preen', {}, ['mount'], undefined],
    [
      'one with errors is repaired first',
      'ext4',
      'preen',
      { hasErrors: true },
      ['preen', 'mount'],
      undefined,
    ],
    ['unless the policy forbids', 'ext4', 'never', { hasErrors: true }, ['mount'], undefined],
    [
      'unless there is no checker',
      'ext4',
      'preen',
      { hasErrors: true, fsck: 'none' },
      ['preen', 'mount'],
      undefined,
    ],
    [
      'what cannot be repaired is not mounted',
      'ext4',
      'preen',
      { hasErrors: true, fsck: failed },
      ['preen'],
      failed,
    ],
    [
      'what does not mount is repaired',
      'ext4',
      'preen',
      { mounts: ['fails', 'ok'] },
      ['mount', 'preen', 'mount'],
      undefined,
    ],
    [
      'and mounted once more, not again and again',
      'ext4',
      'preen',
      { mounts: ['fails', 'fails'] },
      ['mount', 'preen', 'mount'],
      MOUNT_FAILED,
    ],
    [
      'it is repaired at most once',
      'ext4',
      'preen',
      { hasErrors: true, mounts: ['fails'] },
      ['preen', 'mount'],
      MOUNT_FAILED,
    ],
    ['xfs has no checker', 'xfs', 'preen', { mounts: ['fails'] }, ['mount'], MOUNT_FAILED],
    [
      'an image without the checker repairs nothing',
      'ext4',
      'preen',
      { mounts: ['fails'], fsck: 'none' },
      ['mount', 'preen'],
      MOUNT_FAILED,
    ],
  ] as const)('%s', (_, fstype, policy, given, calls, error) => {
    const options = { ...given, mounts: 'mounts' in given ? [...given.mounts] : undefined };
    expect(open(fstype, policy, options)).toEqual({ calls, error });
  });
});

describe('a mount that cannot be written to', () => {
  const line = (options: string) => `/dev/vda /target ext4 ${options} 0 0\n`;
  test.each([
    [line('ro,relatime'), true],
    [line('rw,errors=remount-ro'), false],
    [`/dev/vda / ext4 ro 0 0\n${line('rw')}`, false],
    [line('rw') + line('ro'), true],
    ['', false],
  ])('%j: %s', (mounts, yes) => expect(isReadOnly(mounts, '/target')).toBe(yes));
});
