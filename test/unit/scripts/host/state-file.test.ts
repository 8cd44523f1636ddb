/** State of the host command that a disk, an editor or another program damaged. */
import { execFileSync } from 'node:child_process';
import { closeSync, ftruncateSync, openSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { setCrashkernel, unsetCrashkernel } from '../../../../scripts/lib/boot-loader/boot-loaders.ts';
import { openHost } from '../../../../scripts/lib/host/host.ts';
import { unsetSysctls } from '../../../../scripts/lib/host/sysctls.ts';
import { readStamp } from '../../../../scripts/lib/image/stamp.ts';
import { readRecord } from '../../../../scripts/lib/status/test-record.ts';
import { hostWith, textOf } from '../../../support/host-root.ts';

const BOOT_LOADER = '/var/lib/kdumpling/boot-loader.json';
const SYSCTLS = '/var/lib/kdumpling/sysctls.json';

const DAMAGED: readonly string[] = [
  '',
  '{',
  'null',
  '[]',
  '7',
  '{"loader":1}',
  '{"loader":"GRUB (/etc/default/grub.d)","undo":null}',
  '{"loader":"GRUB (/etc/default/grub.d)","undo":{"values":"256M"}}',
  '{"loader":"GRUB (/etc/default/grub.d)","undo":{"values":[],"valuesBefore":[],"edits":[{"path":1}]}}',
  '{"kernel.panic_on_oops":null}',
];

describe.each(DAMAGED)('%j', text => {
  test('as the record of what enable changed', () => {
    const host = hostWith({ [BOOT_LOADER]: text });
    expect(() => unsetCrashkernel(host)).toThrow(
      /^Cannot change crashkernel= again: \S+boot-loader.json is damaged; expected the record .*\. Take crashkernel= out/,
    );
  });

  test('as the settings before', () => {
    const host = hostWith({ [SYSCTLS]: text, '/proc/sys/kernel/panic_on_oops': '1' });
    expect(() => unsetSysctls(host)).toThrow(
      /^Cannot restore the kernel settings .*: \S+sysctls.json is damaged; expected the previous values as JSON\. Remove /,
    );
    expect(textOf(host, '/proc/sys/kernel/panic_on_oops')).toBe('1');
  });

  test('as the record of a test, and of an image', () => {
    const files = ['/var/lib/kdumpling/test.json', '/var/lib/kdumpling/kdumpling-6.1.0.stamp'];
    const host = hostWith(Object.fromEntries(files.map(file => [file, text])));
    expect(readRecord(host)).toBeUndefined();
    expect(readStamp(host, '6.1.0')).toBeUndefined();
  });
});

test('nothing is changed while the record is damaged', () => {
  const host = hostWith({ [BOOT_LOADER]: '{', '/etc/default/grub': '' }, { 'update-grub': () => '' });
  const loader = {
    name: 'any',
    detect: () => true,
    commandLines: () => ['quiet'],
    plan: () => {
      throw new Error('it goes on');
    },
    apply: () => ({ values: [], valuesBefore: [] }),
    undo: () => {},
  };
  expect(() => setCrashkernel(host, loader, ['256M'])).toThrow('is damaged');
});

describe('a file of the host', () => {
  test('that is a pipe is not waited for', () => {
    const host = hostWith({ '/etc/': '' });
    execFileSync('mkfifo', [host.path('/etc/kdump.conf')]);
    expect(host.read('/etc/kdump.conf')).toBeUndefined();
  });

  test('that is larger than any text of the host is not read', () => {
    const host = hostWith({ '/etc/x': '' });
    const fd = openSync(host.path('/etc/x'), 'r+');
    ftruncateSync(fd, 2 ** 31 + 1);
    closeSync(fd);
    expect(host.read('/etc/x')).toBeUndefined();
    expect(host.readBytes('/etc/x')).toBeUndefined();
  });

  test('that the kernel makes, without a size, is read', () => {
    expect(openHost().read('/proc/version')).toMatch(/^Linux version /);
  });
});
