/** The dump-capture initrd of this machine: made from its config, and made again only when what it is made of changed. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { dirname } from 'node:path';
import { buildImage, programIn } from '../../initrd/image.ts';
import { openModuleTree } from '../../initrd/modules.ts';
import type { Settings } from '../config/directives.ts';
import type { Host } from '../host.ts';
import { IMAGE_FOLDERS, imagePath, modulesDirectory, STATE_FOLDER } from '../kexec/files.ts';
import { targetDrivers } from '../target/disk-drivers.ts';
import { hostTarget } from '../target/host-target.ts';

export interface HostImage {
  /** On the host. */
  readonly path: string;
  readonly bytes: number;
  /** False when the one that is there is still good. */
  readonly rebuilt: boolean;
}

/** Where a built program's files lie: beside the running one. */
export function programDirectory(): string {
  return dirname(realpathSync(process.argv[1]!));
}

/** @throws Failure of the target, of a module, of the disk. The old image stays until the new one is whole. */
export function ensureHostImage(host: Host, settings: Settings, kver: string, force: boolean): HostImage {
  const output = imagePath(host, kver);
  const { target, fstype, path, targetUuid, mountOptions, device } = hostTarget(host, settings);
  const program = programIn(programDirectory());
  const modules = modulesDirectory(host, kver);
  const options = { ...settings.options, target, path, targetUuid, mountOptions };
  // Where fallbacks lie may not be known yet: then the usual disks' drivers are all in.
  const isAlone = (options.fallbackTargets ?? []).length === 0;
  const disks =
    device && isAlone ? targetDrivers(host, device, openModuleTree(host.path(modules))) : undefined;
  const files = [...Object.values(program), host.path(`${modules}/modules.dep`)];
  const fingerprint = fingerprintOf(files, { options, fstype, disks, extra: settings.extraModules });
  const stamp = `${STATE_FOLDER}/initramfs-${kver}kdump.stamp`;
  const bytes = host.sizeBytes(output);
  if (!force && bytes !== undefined && host.read(stamp)?.trim() === fingerprint)
    return { path: output, bytes, rebuilt: false };
  const built = buildImage({
    kver,
    modulesDirectory: host.path(modules),
    program,
    fstype,
    disks,
    extraModules: settings.extraModules,
    options,
    output: host.path(output),
  });
  host.write(stamp, `${fingerprint}\n`);
  return { path: output, bytes: built.bytes, rebuilt: true };
}

/** By content: a package's files have the times of no build. */
function fingerprintOf(files: readonly string[], rest: unknown): string {
  const hash = createHash('sha256').update(JSON.stringify(rest));
  for (const file of files) {
    hash.update(`\0${file}\0`).update(existsSync(file) ? readFileSync(file) : '');
  }
  return hash.digest('hex');
}

/** Those of all kernels, with their stamps. */
export function removeHostImages(host: Host): void {
  for (const folder of IMAGE_FOLDERS) {
    for (const name of host.list(folder)) {
      if (/^initramfs-.+kdump\.(img|stamp)(\.partial)?$/.test(name)) host.remove(`${folder}/${name}`);
    }
  }
}
