/**
 * The host's Debian mirror, as its own sources lists name it (one-line and deb822 format, sources.list(5)), and the
 * same mirror asked for another suite. Third parties' repositories are left out.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { SystemError } from '../../capture/errors.ts';

/** One repository line of the host. */
export interface Source {
  readonly uri: string;
  readonly suites: readonly string[];
  readonly components: readonly string[];
  /** A keyring's path; a key itself is not understood and such a source counts as a third party's. */
  readonly signedBy?: string;
}

/** What a suite of ours consists of: folders under `dists/` of the two archives. */
export interface Suite {
  readonly archive: readonly string[];
  readonly security: readonly string[];
}

export const SUITES = {
  bullseye: { archive: ['bullseye', 'bullseye-updates'], security: ['bullseye-security'] },
  /** As released: the debug symbols of bullseye's later kernels left the archive when its support ended. */
  'bullseye-released': { archive: ['bullseye'], security: [] },
  bookworm: { archive: ['bookworm', 'bookworm-updates'], security: ['bookworm-security'] },
  trixie: { archive: ['trixie', 'trixie-updates'], security: ['trixie-security'] },
  forky: { archive: ['forky'], security: [] },
  sid: { archive: ['sid'], security: [] },
} as const satisfies Record<string, Suite>;
export type SuiteName = keyof typeof SUITES;

/** The mirror: where Debian's two archives are for this host. */
export interface Mirror {
  readonly archive: readonly Source[];
  readonly security: readonly Source[];
}

const DEBIAN_SUITE =
  /^(?:buster|bullseye|bookworm|trixie|forky|duke|sid|unstable|testing|(?:old)*stable)(?:-updates|-backports)?\/?$/;
const DEBIAN_SECURITY_SUITE = /^(?:[a-z]+-security|[a-z]+\/updates)\/?$/;

export function readHostMirror(aptDir = '/etc/apt'): Mirror {
  const parts = join(aptDir, 'sources.list.d');
  const files = [
    join(aptDir, 'sources.list'),
    ...(existsSync(parts) ? readdirSync(parts).sort() : []).map(name => join(parts, name)),
  ].filter(path => existsSync(path));
  const sources = files.flatMap(path => {
    if (path.endsWith('.list')) return parseOneLineSources(readFileSync(path, 'utf8'));
    return path.endsWith('.sources') ? parseDeb822Sources(readFileSync(path, 'utf8')) : [];
  });
  const mirror = selectMirror(sources);
  if (mirror.archive.length > 0) return mirror;
  throw new SystemError('NO_MIRROR', {
    action: 'find the Debian mirror of this host',
    actual: `no line for Debian's archive in ${aptDir}/sources.list{,.d}`,
    wanted: 'this lab needs Debian’s apt with the distribution’s own sources',
  });
}

/** `deb [signed-by=… arch=…] URI SUITE COMPONENT…` */
export function parseOneLineSources(text: string): Source[] {
  return text.split('\n').flatMap(line => {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s*)?(cdrom:\[[^\]]*\]\S*|\S+)\s+(\S+)([^#]*)/.exec(line);
    if (!match) return [];
    const [, options = '', uri, suite, components] = match;
    const signedBy = /(?:^|\s)signed-by=(\S+)/i.exec(options)?.[1];
    return [
      { uri: uri!, suites: [suite!], components: words(components!), ...(signedBy ? { signedBy } : {}) },
    ];
  });
}

/** Stanzas of `Types: URIs: Suites: Components: Signed-By:`, separated by empty lines. */
export function parseDeb822Sources(text: string): Source[] {
  const withoutComments = text.replace(/^#.*\n?/gm, '');
  return withoutComments.split(/\n\s*\n/).flatMap(stanza => {
    const field = (name: string): string => {
      const found = new RegExp(`^${name}:((?:.*)(?:\\n[ \\t].*)*)`, 'im').exec(stanza)?.[1] ?? '';
      return found.trim();
    };
    if (!words(field('Types')).includes('deb') || /^(?:no|false|0)$/i.test(field('Enabled'))) return [];
    const signedBy = field('Signed-By');
    return words(field('URIs')).map(uri => ({
      uri,
      suites: words(field('Suites')),
      components: words(field('Components')),
      ...(signedBy ? { signedBy } : {}),
    }));
  });
}

/** Debian's own two archives among the sources: recognized by suite, component and keyring, since mirrors have any name. */
export function selectMirror(sources: readonly Source[]): Mirror {
  const own = sources.filter(
    ({ uri, components, signedBy }) =>
      components.includes('main') &&
      !uri.startsWith('cdrom:') &&
      (signedBy === undefined || /^\/\S*debian-archive[^\s/]*$/.test(signedBy)),
  );
  const pick = (wanted: RegExp) => {
    const found = own.filter(({ suites }) => suites.some(suite => wanted.test(suite)));
    return found.filter(({ uri }, index) => found.findIndex(other => other.uri === uri) === index);
  };
  return { archive: pick(DEBIAN_SUITE), security: pick(DEBIAN_SECURITY_SUITE) };
}

/** A deb822 sources file of the mirror with the suites exchanged. Package lists only, and whole (no diffs). */
export function sourcesFor(mirror: Mirror, suite: Suite, architecture: string): string {
  const stanza = ({ uri, signedBy }: Source, suites: readonly string[]): string =>
    [
      'Types: deb',
      `URIs: ${uri}`,
      `Suites: ${suites.join(' ')}`,
      'Components: main',
      `Architectures: ${architecture}`,
      ...(signedBy ? [`Signed-By: ${signedBy}`] : []),
      'Targets: Packages',
      'PDiffs: no',
      '',
    ].join('\n');
  return [
    // The first of several mirrors is enough, and the only one that is sure to be meant for this.
    ...mirror.archive.slice(0, 1).map(source => stanza(source, suite.archive)),
    ...(suite.security.length > 0 ? mirror.security.slice(0, 1) : []).map(source =>
      stanza(source, suite.security),
    ),
  ].join('\n');
}

function words(text: string): string[] {
  return text.split(/\s+/).filter(word => word !== '');
}
