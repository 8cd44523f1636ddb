import { expect, test } from 'vitest';
import {
  debianChangelog,
  parseChangelog,
  readChangelog,
  rpmChangelog,
} from '../../../../build/package/changelog.ts';

const UNRELEASED = { version: '0.2.0', date: new Date('2026-11-28T10:00:00Z') };
const TEXT = `# Changelog

## [Unreleased]

### Added

- \`kdumpling verify\` checks **every** page of a dump, with the digests of the manifest (see [the manual](man.md)) and
  without them, and says what is damaged.

### Fixed

- A dump is 5 % smaller.

## 0.1.0 - 2026-11-26

The first version.

It captures.
`;
const MAINTAINER = 'The maintainers <m@example.org>';

test('releases, with groups, lists and paragraphs', () => {
  expect(parseChangelog(TEXT, UNRELEASED)).toEqual([
    {
      ...UNRELEASED,
      changes: [
        'Added: kdumpling verify checks every page of a dump, with the digests of the manifest (see the manual) and without them, and says what is damaged.',
        'Fixed: A dump is 5 % smaller.',
      ],
    },
    {
      version: '0.1.0',
      date: new Date('2026-11-26T12:00:00Z'),
      changes: ['The first version.', 'It captures.'],
    },
  ]);
});

test('two headings for one version are one release', () => {
  const text = '## Unreleased\n\n- New.\n\n## 0.2.0\n\n- Old.\n';
  expect(parseChangelog(text, UNRELEASED)).toEqual([{ ...UNRELEASED, changes: ['New.', 'Old.'] }]);
});

test('in the format of Debian', () => {
  expect(
    debianChangelog(parseChangelog(TEXT, UNRELEASED), MAINTAINER),
  ).toBe(`kdumpling (0.2.0) unstable; urgency=medium

  * Added: kdumpling verify checks every page of a dump, with the digests of
    the manifest (see the manual) and without them, and says what is damaged.
  * Fixed: A dump is 5 % smaller.

 -- The maintainers <m@example.org>  Sat, 28 Nov 2026 10:00:00 +0000

kdumpling (0.1.0) unstable; urgency=medium

  * The first version.
  * It captures.

 -- The maintainers <m@example.org>  Thu, 26 Nov 2026 12:00:00 +0000
`);
});

test('in the format of RPM', () => {
  expect(
    rpmChangelog(parseChangelog(TEXT, UNRELEASED), MAINTAINER),
  ).toBe(`* Sat Nov 28 2026 The maintainers <m@example.org> - 0.2.0-1
- Added: kdumpling verify checks every page of a dump, with the digests of the
  manifest (see the manual) and without them, and says what is damaged.
- Fixed: A dump is 5 %% smaller.

* Thu Nov 26 2026 The maintainers <m@example.org> - 0.1.0-1
- The first version.
- It captures.
`);
});

test('CHANGELOG.md itself: every release says something, in order', () => {
  const releases = readChangelog('0.1.0');
  expect(releases.length).toBeGreaterThan(0);
  for (const { changes } of releases) expect(changes.length).toBeGreaterThan(0);
  const times = releases.map(({ date }) => date.getTime());
  expect(times).toEqual([...times].sort((a, b) => b - a));
});
