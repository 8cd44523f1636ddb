/** What apt prints, as data: package records of `apt-cache show`, the plan of `--print-uris`, reasons of a failure. */

export interface PackageInfo {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  readonly sizeBytes: number;
  readonly installedBytes: number;
  readonly sha256: string;
  /** Path in the archive (pool/…). */
  readonly filename: string;
  /** Names that it depends on, alternatives included, versions dropped. */
  readonly depends: readonly string[];
}

/** One file that apt would fetch. */
export interface PlannedFile {
  readonly filename: string;
  readonly sizeBytes: number;
  readonly sha256: string;
}

/** The records of `apt-cache show`, in apt's order (newest first). */
export function parseShow(text: string): PackageInfo[] {
  return text
    .split(/\n\s*\n/)
    .filter(record => /^Package:/m.test(record))
    .map(record => {
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(record)?.[1]?.trim() ?? '';
      return {
        name: field('Package'),
        version: field('Version'),
        architecture: field('Architecture'),
        sizeBytes: Number(field('Size')),
        installedBytes: Number(field('Installed-Size')) * 1024,
        sha256: field('SHA256'),
        filename: field('Filename'),
        depends: [field('Pre-Depends'), field('Depends')].flatMap(parseDepends),
      };
    });
}

/** `a (>= 1), b:any | c` → a, b, c */
export function parseDepends(field: string): string[] {
  return field
    .split(/[,|]/)
    .map(item => item.trim().replace(/[\s:(].*$/, ''))
    .filter(name => name !== '');
}

/** Lines `'URI' FILENAME SIZE SHA256:…`. */
export function parsePrintUris(text: string): PlannedFile[] {
  return [...text.matchAll(/^'[^']*' (\S+) (\d+) SHA256:([0-9a-f]{64})/gm)].map(
    ([, filename, size, sha256]) => ({
      filename: filename!,
      sizeBytes: Number(size),
      sha256: sha256!,
    }),
  );
}

/** The name that apt gives the file of a package. */
export function debFilename({ name, version, architecture }: PackageInfo): string {
  return `${name}_${version.replaceAll(':', '%3a')}_${architecture}.deb`;
}

export interface AptReason {
  readonly code: string;
  readonly actual: string;
  readonly wanted: string;
}

const REASONS: readonly { pattern: RegExp; code: string; actual: string; wanted: string }[] = [
  {
    pattern: /(?:Temporary failure resolving|Could not resolve) '([^']*)'/,
    code: 'NO_NETWORK',
    actual: 'no network ($1 does not resolve)',
    wanted: 'a network, or a cache that was filled before',
  },
  {
    pattern:
      /(?:Could not connect to|Unable to connect to|Cannot initiate the connection to|timed out) ?(\S*)/,
    code: 'NO_NETWORK',
    actual: 'the mirror cannot be reached ($1)',
    wanted: 'a network, or a cache that was filled before',
  },
  {
    pattern: /The repository '\S+ (\S+) [^']*' (?:does not have|no longer has) a Release file/,
    code: 'NO_SUITE',
    actual: 'the mirror has no suite $1',
    wanted: 'a mirror of Debian’s whole archive in the host’s sources',
  },
  {
    pattern: /NO_PUBKEY (\S+)|EXPKEYSIG (\S+)/,
    code: 'NO_KEY',
    actual: 'the host’s keyring lacks the key $1',
    wanted: 'current keys (apt-get install --only-upgrade debian-archive-keyring)',
  },
  {
    pattern: /Unable to locate package (\S+)|No packages found|Version '([^']*)' for '[^']*' was not found/,
    code: 'NO_PACKAGE',
    actual: 'there is no such package ($1)',
    wanted: 'a package of the archive',
  },
  {
    pattern: /No space left on device|don't have enough free space/,
    code: 'CACHE_FULL',
    actual: 'the disk is full',
    wanted: 'space, or KDUMPLING_CACHE on a larger disk',
  },
  {
    pattern: /Failed to fetch \S+\/([^/\s]+) +404/,
    code: 'STALE_LISTS',
    actual: 'the archive no longer has $1',
    wanted: 'a try again with fresh package lists',
  },
];

/** Why apt failed, in words for one line. */
export function explainApt(output: string): AptReason {
  for (const { pattern, code, actual, wanted } of REASONS) {
    const match = pattern.exec(output);
    if (!match) continue;
    const detail = match.slice(1).find(group => group) ?? '';
    return {
      code,
      actual: actual.replace(/ \(\$1\)/, detail ? ` (${detail})` : '').replace('$1', detail),
      wanted,
    };
  }
  const error = /^[EW]: (.*)$/m.exec(output)?.[1] ?? 'apt failed and said nothing';
  return { code: 'APT_FAILED', actual: error, wanted: 'apt to succeed' };
}
