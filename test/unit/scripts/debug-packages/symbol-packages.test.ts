import { expect, test } from 'vitest';
import { distributionOf } from '../../../../scripts/lib/debug-packages/os-release.ts';
import { symbolPackage } from '../../../../scripts/lib/debug-packages/symbol-packages.ts';
import { hostWith } from '../../../support/host-root.ts';

test.each([
  [
    'Debian',
    '6.1.0-56-amd64',
    '#1 SMP PREEMPT_DYNAMIC Debian 6.1.192-2 (2026-11-16)',
    '',
    'apt install linux-image-6.1.0-56-amd64-dbg',
  ],
  [
    'Ubuntu',
    '6.8.0-48-generic',
    '#48-Ubuntu SMP PREEMPT_DYNAMIC Fri Sep 27 14:04:52 UTC 2024',
    'debian',
    'apt install linux-image-unsigned-6.8.0-48-generic-dbgsym',
  ],
  [
    'Fedora',
    '6.11.4-301.fc41.x86_64',
    '#1 SMP PREEMPT_DYNAMIC',
    '',
    'dnf debuginfo-install kernel-6.11.4-301.fc41.x86_64',
  ],
  [
    'RHEL with large pages',
    '6.12.0-55.9.1.el10_0.aarch64+64k',
    '#1 SMP',
    '',
    'dnf debuginfo-install kernel-64k-6.12.0-55.9.1.el10_0.aarch64',
  ],
  [
    'SUSE, by its flavour',
    '6.4.0-150600.23.25-default',
    '#1 SMP PREEMPT_DYNAMIC',
    '',
    'zypper --plus-content debug install kernel-default-debuginfo',
  ],
  [
    'SUSE, by the host',
    '6.4.0-150600.8.11-azure',
    '#1 SMP',
    'sles suse',
    'zypper --plus-content debug install kernel-azure-debuginfo',
  ],
  ['Debian, by the host', '6.99.0-rc1-amd64', '', 'debian', 'apt install linux-image-6.99.0-rc1-amd64-dbg'],
])('%s', (_, release, version, host, command) => {
  expect(symbolPackage({ release, version }, host)?.install({ release, version })).toBe(command);
});

test('of another architecture, as Debian installs it', () => {
  const kernel = { release: '6.12.117+deb12-arm64', version: '#1 SMP Debian 6.12.117-1', foreign: 'arm64' };
  expect(symbolPackage(kernel, '')?.install(kernel)).toBe(
    'dpkg --add-architecture arm64 && apt update && apt install linux-image-6.12.117+deb12-arm64-dbg:arm64',
  );
});

test('of nobody that is known here', () => {
  expect(symbolPackage({ release: '7.0.0-mine', version: '#3 SMP' }, 'arch')).toBeUndefined();
  expect(symbolPackage({ release: '', version: '' }, 'debian')).toBeUndefined();
});

test.each([
  ['ID=debian\nVERSION_ID="12"\n', 'debian'],
  ['NAME="openSUSE Leap"\nID="opensuse-leap"\nID_LIKE="suse opensuse"\n', 'opensuse-leap suse opensuse'],
  ['', ''],
])('os-release %j', (text, expected) => {
  expect(distributionOf(hostWith({ '/etc/os-release': text }))).toBe(expected);
});
