/** The dump-capture initrd of this machine: made from its config, and made again only when what it is made of changed. */
import { createHash } from 'node:crypto';
import { mkdirSync, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { buildImage, type ImageRequest, programIn } from '../../../initrd/image.ts';
import { openModuleTree } from '../../../initrd/modules.ts';
import type { Settings } from '../config/directives.ts';
import type { Host } from '../host/host.ts';
import { IMAGE_FOLDERS, imageName, imagePath, modulesDirectory, STATE_FOLDER } from '../host/kernel-files.ts';
import { hostDiskDrivers } from '../storage/disk-drivers.ts';
import { hostTarget } from '../storage/host-target.ts';
import { requireRuntimeOn } from './lean-runtime.ts';

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
export function ensureHostImage(
  host: Host,
  settings: Settings,
  kver: string,
  force: boolean,
  program = programDirectory(),
): HostImage {
  const output = imagePath(host, kver);
  const request = requestOf(host, settings, kver, output, program);
  const fingerprint = fingerprintOf(request);
  const bytes = host.sizeBytes(output);
  if (!force && bytes !== undefined && host.read(stampPath(kver))?.trim() === fingerprint)
    return { path: output, bytes, rebuilt: false };
  mkdirSync(dirname(request.output), { recursive: true });
  const built = buildImage(request);
  host.write(stampPath(kver), `${fingerprint}\n`);
  for (const folder of IMAGE_FOLDERS) {
    const other = `${folder}/${imageName(kver)}`;
    if (other !== output) host.remove(other);
  }
  return { path: output, bytes: built.bytes, rebuilt: true };
}

/** Whether it is what would be built now. @throws as ensureHostImage */
export function isHostImageCurrent(host: Host, settings: Settings, kver: string): boolean {
  const request = requestOf(host, settings, kver, imagePath(host, kver), programDirectory());
  return host.read(stampPath(kver))?.trim() === fingerprintOf(request);
}

/** Those of all kernels, with their stamps. */
export function removeHostImages(host: Host): void {
  for (const folder of IMAGE_FOLDERS) {
    for (const name of host.list(folder)) {
      if (/^initramfs-.+kdump\.(img|stamp)(\.partial)?$/.test(name)) host.remove(`${folder}/${name}`);
    }
  }
}

function requestOf(
  host: Host,
  settings: Settings,
  kver: string,
  output: string,
  program: string,
): ImageRequest {
  const target = hostTarget(host, settings);
  if (settings.layout === 'lean') requireRuntimeOn(host, target);
  const modules = host.path(modulesDirectory(host, kver));
  return {
    kver,
    modulesDirectory: modules,
    program: programIn(program),
    fstype: target.fstype,
    disks: hostDiskDrivers(host, openModuleTree(modules), target, settings.options.fallbackTargets),
    extraModules: settings.extraModules,
    layout: settings.layout,
    options: {
      ...settings.options,
      target: target.target,
      targetUuid: target.targetUuid,
      mountOptions: target.mountOptions,
      path: target.path,
    },
    output: host.path(output),
  };
}

/**
 * Of what an image is made of; files by inode, size and change of inode: whoever replaces one changes these, even a
 * package whose files all have the same time.
 */
function fingerprintOf({ output, ...request }: ImageRequest): string {
  const files = [...Object.values(request.program), `${request.modulesDirectory}/modules.dep`];
  const hash = createHash('sha256').update(JSON.stringify(request));
  for (const file of files) {
    const status = statSync(file, { throwIfNoEntry: false });
    hash.update(`\0${file} ${status?.ino} ${status?.size} ${status?.ctimeMs}`);
  }
  return hash.digest('hex');
}

function stampPath(kver: string): string {
  return `${STATE_FOLDER}/${imageName(kver).replace(/\.img$/, '.stamp')}`;
}
