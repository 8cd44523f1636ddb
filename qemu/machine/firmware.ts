/** UEFI firmware for the guest, from Debian's package, unpacked into the cache and not installed. */
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { announced, type Cache, publishDir, withLock } from '../../build/cache.ts';
import { discard, downloadPackages, openApt, resolvePackage } from '../../build/fetch/apt.ts';
import { unpackDebs } from '../../build/fetch/deb.ts';
import { type LabArch, labArch } from './arch.ts';

/** Returns the QEMU options that make the machine boot by UEFI. Its variables start empty and are dropped at the end. */
export async function fetchUefi(cache: Cache, arch: LabArch = labArch()): Promise<string[]> {
  const { package: name, code, variables } = arch.uefi;
  const dir = join(cache.dir, 'firmware', name);
  await withLock(cache, `firmware-${name}`, async () => {
    if (existsSync(join(dir, 'record.json'))) return;
    const apt = await openApt(cache, 'bookworm');
    const info = await resolvePackage(apt, name);
    const debs = await downloadPackages(apt, [info]);
    await publishDir(dir, partial =>
      announced(cache, `unpacking ${name} ${info.version}`, async () => {
        await unpackDebs(debs, join(partial, 'root'));
        const record = { package: name, version: info.version, sha256: info.sha256, suite: apt.suite };
        await writeFile(join(partial, 'record.json'), `${JSON.stringify(record, null, 2)}\n`);
      }),
    );
    await discard(debs);
  });
  const file = (path: string) => `file=${join(dir, 'root', path)}`;
  return [
    ...['-drive', `if=pflash,unit=0,format=raw,readonly=on,${file(code)}`],
    ...['-drive', `if=pflash,unit=1,format=raw,snapshot=on,${file(variables)}`],
  ];
}
