/** The dump-capture initrd of this machine: built from its config, and rebuilt only if one of its inputs changed. */
import { createHash } from 'node:crypto';
import { mkdirSync, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { buildImage, type ImageRequest, programIn } from '../../../initrd/image.ts';
import { openModuleTree } from '../../../initrd/modules.ts';
import type { Settings } from '../config/directives.ts';
import type { Host } from '../host/host.ts';
import { IMAGE_FOLDERS, imageName, imagePath, modulesDirectory } from '../host/kernel-files.ts';
import { hostDiskDrivers } from '../storage/disk-drivers.ts';
import { captureFallbacks, hostTarget } from '../storage/host-target.ts';
import { hasRuntimeOn, requireRuntimeOn } from './lean-runtime.ts';
import { damageOf, readStamp, writeStamp } from './stamp.ts';

export interface HostImage {
  /** Path on the host. */
  readonly path: string;
  readonly bytes: number;
  /** In hex. */
  readonly sha256: string;
  /** False if the existing image is still current. */
  readonly rebuilt: boolean;
}

/** The folder of the running program, which holds the other parts of the build. */
export function programDirectory(): string {
  return dirname(realpathSync(process.argv[1]!));
}

/** The old image stays until the new one is complete. @throws Failure if the target, a module or the disk is unsuitable. */
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
  const stamp = readStamp(host, kver);
  if (!force && stamp?.inputs === fingerprint && damageOf(host, output, stamp) === undefined)
    return { path: output, bytes: stamp.bytes, sha256: stamp.sha256, rebuilt: false };
  mkdirSync(dirname(request.output), { recursive: true });
  const { bytes, sha256 } = buildImage(request);
  writeStamp(host, kver, { inputs: fingerprint, bytes, sha256 });
  for (const folder of IMAGE_FOLDERS) {
    const other = `${folder}/${imageName(kver)}`;
    if (other !== output) host.remove(other);
  }
  return { path: output, bytes, sha256, rebuilt: true };
}

/** Whether the image is what would be built now. @throws the errors of ensureHostImage */
export function isHostImageCurrent(host: Host, settings: Settings, kver: string): boolean {
  const request = requestOf(host, settings, kver, imagePath(host, kver), programDirectory());
  return readStamp(host, kver)?.inputs === fingerprintOf(request);
}

/** Removes the images of all kernels, and their stamps. */
export function removeHostImages(host: Host): void {
  for (const folder of IMAGE_FOLDERS) {
    for (const name of host.list(folder)) {
      if (/^\.?initramfs-.+kdump\.(img|stamp)(\.partial|\.\d+-\w+\.tmp)?$/.test(name))
        host.remove(`${folder}/${name}`);
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
  const fallbacks = settings.options.fallbackTargets ?? [];
  if (settings.layout === 'lean') requireRuntimeOn(host, target);
  const modules = host.path(modulesDirectory(host, kver));
  return {
    kver,
    modulesDirectory: modules,
    program: programIn(program),
    fstype: target.fstype,
    disks: hostDiskDrivers(host, openModuleTree(modules), target, fallbacks),
    extraModules: settings.extraModules,
    layout: settings.layout,
    hasRuntimeOnTarget: hasRuntimeOn(host, target),
    options: {
      ...settings.options,
      target: target.target,
      targetUuid: target.targetUuid,
      mountOptions: target.mountOptions,
      path: target.path,
      ...(fallbacks.length > 0 ? { fallbackTargets: captureFallbacks(fallbacks) } : {}),
    },
    output: host.path(output),
  };
}

/**
 * A digest of an image's inputs. Files count by inode, size and ctime: replacing a file changes these, even by a package
 * manager that gives all files the same mtime.
 */
function fingerprintOf({ output, ...request }: ImageRequest): string {
  const files = [...Object.values<string>(request.program), `${request.modulesDirectory}/modules.dep`];
  const hash = createHash('sha256').update(JSON.stringify(request));
  for (const file of files) {
    const status = statSync(file, { throwIfNoEntry: false });
    hash.update(`\0${file} ${status?.ino} ${status?.size} ${status?.ctimeMs}`);
  }
  return hash.digest('hex');
}
