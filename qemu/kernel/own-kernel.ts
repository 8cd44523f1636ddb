/** One's own kernel: a bzImage or a kernel build directory, with its modules, its configuration and its symbols. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { $ } from 'zx';
import type { Cache } from '../../build/cache.ts';
import { Failure, SystemError } from '../../capture/errors.ts';
import type { DiskKind } from '../disks/boot-disk.ts';
import { embeddedConfig, releaseOf } from './bzimage.ts';
import { builtInDrivers, type Config, configGaps, parseConfig } from './config-needs.ts';
import type { LabKernel } from './lab-kernel.ts';
import { listedBuiltIns, modulesOfBuild, moduleTreeAt } from './module-tree.ts';

export interface OwnKernelChoice {
  /** A bzImage, or the directory in which one was built. */
  readonly path: string;
  /** Where `make modules_install` put the modules. */
  readonly modules?: string;
  readonly vmlinux?: string;
}

/** Below a build directory. */
const IMAGE_OF_BUILD = 'arch/x86/boot/bzImage';

/** @throws Failure CONFIG_GAPS that names what the kernel lacks. */
export async function ownKernel(
  cache: Cache,
  { path, modules, vmlinux }: OwnKernelChoice,
  disk: DiskKind,
): Promise<LabKernel> {
  const build = buildDirectoryOf(resolve(path));
  const vmlinuz = statSync(path).isDirectory() ? join(path, IMAGE_OF_BUILD) : resolve(path);
  if (!existsSync(vmlinuz)) {
    throw new Failure('NO_BZIMAGE', {
      action: `boot the kernel in ${path}`,
      actual: `there is no ${IMAGE_OF_BUILD}`,
      wanted: 'a directory in which `make bzImage` has run',
    });
  }
  const image = readFileSync(vmlinuz);
  const release = releaseOf(image, vmlinuz);
  const sha256 = createHash('sha256').update(image).digest('hex');
  const config = findConfig(image, vmlinuz, release, build);
  const installed = modules ? moduleTreeAt(modules, release) : moduleTreeOf(vmlinuz, release);
  if (config) checkConfig(config, disk, vmlinuz, Boolean(installed ?? build));
  else
    cache.say(
      `no configuration is beside ${vmlinuz} or in it: what it lacks cannot be named before the boot`,
    );
  const at = join(cache.dir, 'own-kernels', sha256.slice(0, 16));
  return {
    release,
    origin: resolve(path),
    label: release,
    vmlinuz,
    modulesDir:
      installed ??
      (build
        ? await modulesOfBuild(build, at, release)
        : listedBuiltIns(at, release, config ? builtInDrivers(config, disk) : [])),
    sha256,
    symbols: async () => symbolsOf(vmlinux ?? (build && join(build, 'vmlinux')), release),
    makeModules: folder => makeInBuild(build, folder, release),
  };
}

function buildDirectoryOf(path: string): string | undefined {
  const isImageOfBuild = path.endsWith(`/${IMAGE_OF_BUILD}`);
  const root = isImageOfBuild ? path.slice(0, -IMAGE_OF_BUILD.length - 1) : path;
  return existsSync(join(root, 'Makefile')) && existsSync(join(root, '.config')) ? root : undefined;
}

/** Beside an installed kernel, its modules are where its release says. */
function moduleTreeOf(vmlinuz: string, release: string): string | undefined {
  const tree = join('/lib/modules', release);
  return dirname(vmlinuz) === '/boot' && existsSync(join(tree, 'modules.dep')) ? tree : undefined;
}

function findConfig(
  image: Buffer,
  vmlinuz: string,
  release: string,
  build: string | undefined,
): Config | undefined {
  const folder = dirname(vmlinuz);
  const files = [build && join(build, '.config'), join(folder, `config-${release}`), join(folder, 'config')];
  const file = files.find(name => name && existsSync(name));
  const text = file ? readFileSync(file, 'utf8') : embeddedConfig(image);
  return text === undefined ? undefined : parseConfig(text);
}

function checkConfig(config: Config, disk: DiskKind, vmlinuz: string, hasModules: boolean): void {
  const gaps = configGaps(config, disk, hasModules);
  if (gaps.length === 0) return;
  throw new Failure('CONFIG_GAPS', {
    action: `crash ${vmlinuz}`,
    actual: gaps.join('; '),
    toDo: hasModules
      ? 'Set these options and build the kernel again'
      : 'Set these options and build the kernel again, or name its modules with --modules DIR',
  });
}

function symbolsOf(path: string | undefined, release: string): string {
  if (path && existsSync(path)) return path;
  throw new SystemError('NO_SYMBOLS', {
    action: `find the debug symbols of ${release}`,
    actual: path ? `there is no ${path}` : 'no path is known',
    wanted: 'the vmlinux of the same build',
    toDo: 'Name it with --vmlinux PATH',
  });
}

async function makeInBuild(build: string | undefined, folder: string, release: string): Promise<void> {
  const action = `build ${basename(folder)} for ${release}`;
  if (!build) {
    throw new SystemError('NO_BUILD', {
      action,
      actual: 'only the kernel’s image is known',
      wanted: 'the directory in which it was built, as --kernel',
    });
  }
  const output = await $({ nothrow: true, quiet: true })`make -C ${build} M=${folder} modules`;
  if (output.exitCode === 0) return;
  throw new SystemError('MODULE_BUILD', {
    action,
    actual: output.stderr.trim().split('\n').slice(0, 3).join(' | ') || `make ended with ${output.exitCode}`,
    wanted: 'a kernel that loads modules, built here',
  });
}
