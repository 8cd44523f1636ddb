/**
 * The list of parts of a package, as CycloneDX 1.6 JSON (https://cyclonedx.org/docs/1.6/json/): the npm packages in the
 * bundles, the runtime's Node, and the programs and libraries that were copied from the machine that built the package.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { DebianPackage } from '../parts/debian-packages.ts';
import { type Parts, requireCommand } from '../parts/parts.ts';
import { PROJECT } from '../paths.ts';
import { BUNDLED_PACKAGES } from '../program.ts';
import { runtimeFiles } from '../runtime.ts';

/** In the build's folder, and in the documentation of the packages. */
export const SBOM_NAME = 'sbom.cdx.json';

interface Component {
  readonly type: 'application' | 'library' | 'platform';
  readonly name: string;
  readonly version?: string;
  readonly purl?: string;
  readonly licenses?: readonly { readonly license: { readonly id: string } }[];
  /** Of the file in the package. */
  readonly hashes?: readonly { readonly alg: 'SHA-256'; readonly content: string }[];
  readonly properties?: readonly { readonly name: string; readonly value: string }[];
}

/** Of a finished build. @param date of the release: the same input gives the same bytes. */
export function sbom(parts: Parts, date: Date): string {
  const { name, version, license } = npmFacts(PROJECT);
  const document = {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: {
      timestamp: date.toISOString(),
      component: { type: 'application', name, version, licenses: [{ license: { id: license } }] },
    },
    components: [...npmComponents(parts), nodeComponent(parts), ...copiedComponents(parts)],
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

interface NpmFacts {
  readonly name: string;
  readonly version: string;
  readonly license: string;
}

function npmFacts(folder: string): NpmFacts {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as NpmFacts;
}

/** koffi.node is no part of a bundle: it is a file beside them, from the package koffi's own for this architecture. */
function npmComponents({ dist }: Parts): Component[] {
  const bundled = JSON.parse(readFileSync(join(dist, BUNDLED_PACKAGES), 'utf8')) as string[];
  const names = [...new Set([...bundled, 'koffi'])].sort();
  return names.map(packageName => {
    const { name, version, license } = npmFacts(join(PROJECT, 'node_modules', packageName));
    return {
      type: 'library',
      name,
      version,
      purl: `pkg:npm/${name.replace('@', '%40')}@${version}`,
      licenses: [{ license: { id: license } }],
    };
  });
}

function nodeComponent({ node }: Parts): Component {
  const { name, version } = npmFacts(join(node, '../..'));
  return {
    type: 'platform',
    name: 'node',
    version,
    purl: `pkg:npm/${name}@${version}`,
    licenses: [{ license: { id: 'MIT' } }],
  };
}

function copiedComponents(parts: Parts): Component[] {
  const files = new Map([...runtimeFiles(parts)].filter(([, source]) => source !== parts.node));
  const paths = new Map([...files].map(([path, source]) => [`runtime/${path}`, source]));
  paths.set('busybox', requireCommand(parts, 'busybox'));
  const owners = parts.packagesOf([...paths.values()]);
  return [...paths].map(([path, source]) => copiedComponent(path, source, owners.get(source)));
}

/** @param owner absent for a file that no Debian package owns. */
function copiedComponent(path: string, source: string, owner: DebianPackage | undefined): Component {
  const hash = createHash('sha256').update(readFileSync(source)).digest('hex');
  return {
    type: /\.so/.test(path) ? 'library' : 'application',
    name: owner?.name ?? path.split('/').at(-1)!,
    ...(owner && { version: owner.version, purl: purlOf(owner) }),
    hashes: [{ alg: 'SHA-256', content: hash }],
    properties: [{ name: 'kdumpling:file', value: `/usr/lib/kdumpling/${path}` }],
  };
}

function purlOf({ name, version, architecture }: DebianPackage): string {
  return `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=${architecture}`;
}
