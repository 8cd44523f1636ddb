/** npm packages for another architecture, which `npm ci` leaves out: fetched by npm, checked against package-lock.json. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { $ } from 'zx';
import { SystemError } from '../../capture/errors.ts';
import { announced, type Cache, publishDir, withLock } from '../cache.ts';
import { PROJECT } from '../paths.ts';

interface LockedPackage {
  readonly version: string;
  /** `sha512-BASE64` */
  readonly integrity: string;
}

/** The folder of the package's files, in the version and with the bytes that package-lock.json has. */
export async function fetchNpmPackage(cache: Cache, name: string): Promise<string> {
  const { version, integrity } = lockedPackage(name);
  const label = `${name.replace('/', '+')}-${version}`;
  const dir = join(cache.dir, 'npm', label);
  await withLock(cache, `npm-${label.replaceAll('/', '+')}`, async () => {
    if (existsSync(join(dir, 'package.json'))) return;
    await announced(cache, `downloading ${name} ${version} from npm`, async () => {
      await mkdir(join(cache.dir, 'npm'), { recursive: true });
      const scratch = await mkdtemp(join(cache.dir, 'npm', 'pack-'));
      try {
        const archive = await pack(`${name}@${version}`, integrity, scratch);
        await publishDir(dir, partial => unpack(archive, partial));
      } finally {
        await rm(scratch, { recursive: true, force: true });
      }
    });
  });
  return dir;
}

/** @throws SystemError for a package that the project does not depend on. */
export function lockedPackage(name: string): LockedPackage {
  const lock = JSON.parse(readFileSync(join(PROJECT, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, LockedPackage>>;
  };
  const found = lock.packages[`node_modules/${name}`];
  if (found?.integrity) return found;
  throw new SystemError('NOT_LOCKED', {
    action: `fetch the npm package ${name}`,
    actual: 'package-lock.json does not have it',
    wanted: 'a package with a version and a digest there',
  });
}

/** @throws SystemError when the bytes are not those of the lock file. */
export function requireIntegrity(bytes: Uint8Array, integrity: string, what: string): void {
  const [algorithm, wanted] = integrity.split(/-(.*)/s);
  const found = createHash(algorithm!).update(bytes).digest('base64');
  if (found === wanted) return;
  throw new SystemError('DAMAGED', {
    action: `fetch the npm package ${what}`,
    actual: `its ${algorithm} is ${found}`,
    wanted: `${wanted}, as in package-lock.json`,
  });
}

async function pack(what: string, integrity: string, scratch: string): Promise<string> {
  const flags = ['--silent', '--ignore-scripts', '--pack-destination', scratch];
  const output = await $({ cwd: scratch, nothrow: true, quiet: true })`npm pack ${what} ${flags}`;
  const [file] = (await readdir(scratch)).filter(name => name.endsWith('.tgz'));
  if (output.exitCode !== 0 || !file) {
    throw new SystemError('NPM_FAILED', {
      action: `fetch the npm package ${what}`,
      actual: output.stderr.trim().split('\n')[0] || 'npm pack made no archive',
      wanted: 'a registry that npm can reach',
    });
  }
  requireIntegrity(readFileSync(join(scratch, file)), integrity, what);
  return join(scratch, file);
}

async function unpack(archive: string, into: string): Promise<void> {
  await $({ quiet: true })`tar -xzf ${archive} -C ${into} --strip-components=1 --no-same-owner`;
}
