/** Debian packages unpacked into a folder, without dpkg's database and without their scripts. */
import { mkdir } from 'node:fs/promises';
import { basename } from 'node:path';
import { $ } from 'zx';
import { SystemError } from '../../capture/errors.ts';

/** Documentation that no guest and no tool reads. */
const UNREAD = ['./usr/share/doc', './usr/share/man', './usr/share/locale', './usr/share/lintian'];

/**
 * Unpacks the whole package, or the paths that match `only` (wildcards; paths begin with "./").
 * `--keep-directory-symlink`: a package with /lib/x goes through a /lib that another one made a link to usr/lib.
 */
export async function unpackDeb(deb: string, intoDir: string, only: readonly string[] = []): Promise<void> {
  await mkdir(intoDir, { recursive: true });
  const select = only.length > 0 ? ['--wildcards', ...only] : UNREAD.map(path => `--exclude=${path}`);
  const tar = ['tar', '-x', '-C', intoDir, '--keep-directory-symlink', '--no-same-owner', ...select];
  const output = await $({
    env: { ...process.env, LC_ALL: 'C' },
    nothrow: true,
    quiet: true,
  })`dpkg-deb --fsys-tarfile ${deb} | ${tar}`;
  if (output.exitCode === 0) return;
  const [actual] = output.stderr.split('\n');
  throw new SystemError(
    /Not found in archive/.test(output.stderr) ? 'NO_SUCH_PATH' : 'UNPACK',
    {
      action: `unpack ${basename(deb)}`,
      actual: actual || 'tar failed',
      wanted: 'a whole package with these paths',
    },
    { into: intoDir },
  );
}

export async function unpackDebs(debs: readonly string[], intoDir: string): Promise<void> {
  // One after the other: two packages that make the same folder at once would race.
  for (const deb of debs) await unpackDeb(deb, intoDir);
}
