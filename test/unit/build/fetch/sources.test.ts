import { describe, expect, it } from 'vitest';
import {
  parseDeb822Sources,
  parseOneLineSources,
  SUITES,
  selectMirror,
  sourcesFor,
} from '../../../../build/fetch/sources.ts';

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const DEB822 = `Types: deb
# a comment inside of a stanza
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: ${KEYRING}

Types: deb deb-src
URIs: http://mirror.example/debian-security
Suites: bookworm-security
Components: main
Signed-By: ${KEYRING}
`;
const ONE_LINE = `# the archive
deb http://mirror.example/debian bookworm main contrib # note
deb [arch=amd64 signed-by=${KEYRING}] http://mirror.example/debian-security bookworm-security main
deb-src http://mirror.example/debian bookworm main
`;
const mirrorOf = (text: string, parse = parseOneLineSources) => {
  const { archive, security } = selectMirror(parse(text));
  return { archive: archive.map(({ uri }) => uri), security: security.map(({ uri }) => uri) };
};
const BOTH = {
  archive: ['http://mirror.example/debian'],
  security: ['http://mirror.example/debian-security'],
};

describe('the host’s mirror', () => {
  it('is read from both formats', () => {
    expect(mirrorOf(DEB822, parseDeb822Sources)).toEqual(BOTH);
    expect(mirrorOf(ONE_LINE)).toEqual(BOTH);
  });

  it.each([
    ['a cloud image’s mirror list', 'deb mirror+file:/etc/apt/mirrors/debian.list trixie main', 1],
    ['a suite by its role', 'deb http://m/debian stable main', 1],
    ['a CD', 'deb cdrom:[Debian GNU/Linux 12 _Bookworm_]/ bookworm main', 0],
    [
      'a third party with Debian’s suite',
      'deb [signed-by=/usr/share/keyrings/x.gpg] http://x bookworm main',
      0,
    ],
    ['a third party with its own suite', 'deb http://apt.example.org/pgdg bookworm-pgdg main', 0],
    ['another component', 'deb http://docker.example/debian bookworm stable', 0],
    ['a line that is off', '# deb http://m/debian bookworm main', 0],
  ])('%s', (_, line, count) => {
    expect(mirrorOf(line).archive).toHaveLength(count);
  });

  it.each([
    ['disabled', `Enabled: no\n${DEB822}`],
    [
      'a key in place of a keyring',
      DEB822.replaceAll(KEYRING, '\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mDM\n'),
    ],
    ['sources only', DEB822.replace('Types: deb\n', 'Types: deb-src\n')],
  ])('leaves a stanza out: %s', (_, text) => {
    expect(mirrorOf(text, parseDeb822Sources).archive).toEqual([]);
  });
});

describe('the sources of a suite', () => {
  const mirror = selectMirror(parseDeb822Sources(DEB822));

  it('are the same mirror and keyring with the suite exchanged', () => {
    expect(parseDeb822Sources(sourcesFor(mirror, SUITES.bullseye, 'amd64'))).toEqual([
      {
        uri: BOTH.archive[0],
        suites: ['bullseye', 'bullseye-updates'],
        components: ['main'],
        signedBy: KEYRING,
      },
      { uri: BOTH.security[0], suites: ['bullseye-security'], components: ['main'], signedBy: KEYRING },
    ]);
  });

  it('have no security archive where Debian has none', () => {
    expect(parseDeb822Sources(sourcesFor(mirror, SUITES.sid, 'amd64'))).toHaveLength(1);
  });

  it('do without what the host does not name', () => {
    const { archive } = selectMirror(parseOneLineSources('deb http://m/debian bookworm main'));
    const text = sourcesFor({ archive, security: [] }, SUITES.bookworm, 'amd64');
    expect(text).not.toContain('Signed-By');
    expect(parseDeb822Sources(text)).toHaveLength(1);
  });
});
