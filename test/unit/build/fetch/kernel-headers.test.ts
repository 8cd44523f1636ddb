import { expect, it } from 'vitest';
import { type Apt, HOST_ARCHITECTURE } from '../../../../build/fetch/apt.ts';
import { parseShow } from '../../../../build/fetch/apt-output.ts';
import { crossTree, crossVariables } from '../../../../build/fetch/kernel-headers.ts';

const arm64 = { architecture: 'arm64' } as Apt;
const headers = (depends: string) =>
  parseShow(`Package: linux-headers\nVersion: 1\nArchitecture: arm64\nDepends: ${depends}\n`)[0]!;

// As Debian's 6.1, 6.12 and 7.2 have them.
it.each([
  [
    'linux-headers-6.1.0-56-common (= 6.1.192-2), linux-kbuild-6.1 (>= 6.1.192-2), gcc-12',
    ['linux-headers-6.1.0-56-common', 'linux-kbuild-6.1', 'gcc-12-aarch64-linux-gnu'],
  ],
  [
    'linux-base (>= 4.12~), linux-headers-6.12.117+deb12-common (= 6.12.117-1~deb12u1), linux-image-6.12.117+deb12-cloud-arm64 (= 6.12.117-1~deb12u1) | linux-image-6.12.117+deb12-cloud-arm64-unsigned (= 6.12.117-1~deb12u1), linux-kbuild-6.12.117+deb12, gcc-12',
    ['linux-headers-6.12.117+deb12-common', 'linux-kbuild-6.12.117+deb12', 'gcc-12-aarch64-linux-gnu'],
  ],
  [
    'gcc-16-for-host, linux-base (>= 4.12~), linux-base-7.2.13+deb14-cloud-arm64 (= 7.2.13-1), linux-headers-7.2.13+deb14-common (= 7.2.13-1), linux-kbuild-7.2.13+deb14',
    ['gcc-16-aarch64-linux-gnu', 'linux-headers-7.2.13+deb14-common', 'linux-kbuild-7.2.13+deb14'],
  ],
])('beside the headers of arm64 is what this machine builds with', (depends, others) => {
  expect(crossTree(headers(depends), arm64).others).toEqual(others);
});

it('kbuild gets the cross compiler where the architectures differ', () => {
  expect(crossVariables(HOST_ARCHITECTURE)).toEqual([]);
  const other = HOST_ARCHITECTURE === 'arm64' ? 'amd64' : 'arm64';
  expect(crossVariables(other)).toContain(`DEB_HOST_ARCH=${other}`);
});
