import { describe, expect, it } from 'vitest';
import {
  debFilename,
  explainApt,
  parseDepends,
  parsePrintUris,
  parseShow,
} from '../../../../build/fetch/apt-output.ts';

const SHOW = `Package: makedumpfile
Version: 1:1.7.8-1
Installed-Size: 553
Architecture: amd64
Pre-Depends: linux-base (>= 4.17~)
Depends: perl:any, libc6 (>= 2.38), debconf (>= 0.5) | debconf-2.0
Description: VMcore extraction tool
 Version: not a field
Filename: pool/main/m/makedumpfile/makedumpfile_1.7.8-1_amd64.deb
Size: 184608
SHA256: 23677286a3b73212553c240ce1185997cd69b1392b60bbfa337bc29a0cd67b06

Package: makedumpfile
Version: 1:1.7.2-1
Architecture: amd64
Size: 171756
`;

describe('apt-cache show', () => {
  it('is read record by record, newest first', () => {
    const [newest, older, ...rest] = parseShow(SHOW);
    expect(newest).toEqual({
      name: 'makedumpfile',
      version: '1:1.7.8-1',
      architecture: 'amd64',
      sizeBytes: 184608,
      installedBytes: 553 * 1024,
      sha256: '23677286a3b73212553c240ce1185997cd69b1392b60bbfa337bc29a0cd67b06',
      filename: 'pool/main/m/makedumpfile/makedumpfile_1.7.8-1_amd64.deb',
      depends: ['linux-base', 'perl', 'libc6', 'debconf', 'debconf-2.0'],
    });
    expect(older?.version).toBe('1:1.7.2-1');
    expect(older?.depends).toEqual([]);
    expect(rest).toEqual([]);
    expect(debFilename(newest!)).toBe('makedumpfile_1%3a1.7.8-1_amd64.deb');
  });

  it('may be empty, as for a virtual package', () => {
    expect(parseShow('')).toEqual([]);
    expect(parseShow('\n\n')).toEqual([]);
  });
});

it('splits dependencies', () => {
  expect(parseDepends('')).toEqual([]);
  expect(parseDepends('linux-image-6.1.0-56-cloud-amd64 (= 6.1.192-2)')).toEqual([
    'linux-image-6.1.0-56-cloud-amd64',
  ]);
});

it('reads the plan of --print-uris', () => {
  const sha256 = '5f'.repeat(32);
  const text = `NOTE: a line\n'http://m/pool/zlib1g_1.3_amd64.deb' zlib1g_1%3a1.3_amd64.deb 92424 SHA256:${sha256}\n`;
  expect(parsePrintUris(text)).toEqual([{ filename: 'zlib1g_1%3a1.3_amd64.deb', sizeBytes: 92424, sha256 }]);
});

describe('a failure of apt', () => {
  it.each([
    [
      "E: Failed to fetch http://m/x  Temporary failure resolving 'mirror.example'",
      'NO_NETWORK',
      'mirror.example',
    ],
    [
      'E: Failed to fetch http://m/x  Could not connect to 127.0.0.1:9 (127.0.0.1).',
      'NO_NETWORK',
      '127.0.0.1:9',
    ],
    [
      "E: The repository 'http://m/debian bullseye Release' does not have a Release file.",
      'NO_SUITE',
      'bullseye',
    ],
    [
      'W: GPG error: … the public key is not available: NO_PUBKEY 6ED0E7B82643E131',
      'NO_KEY',
      '6ED0E7B82643E131',
    ],
    ['E: Unable to locate package nosuch', 'NO_PACKAGE', 'nosuch'],
    ["E: Version '9' for 'crash' was not found", 'NO_PACKAGE', '9'],
    ["E: You don't have enough free space in /x/archives/.", 'CACHE_FULL', 'full'],
    [
      'E: Failed to fetch http://m/pool/a_1_amd64.deb  404  Not Found [IP: ::1 80]',
      'STALE_LISTS',
      'a_1_amd64.deb',
    ],
    ['W: a warning\nE: Something else', 'APT_FAILED', 'warning'],
    ['', 'APT_FAILED', 'nothing'],
  ])('%s', (output, code, detail) => {
    const reason = explainApt(output);
    expect(reason.code).toBe(code);
    expect(reason.actual).toContain(detail);
    expect(reason.actual).not.toMatch(/\$1|undefined|\n/);
  });
});
