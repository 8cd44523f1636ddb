/** One's own kernel: an image or a kernel build directory, with its modules, its configuration and its symbols. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Cache } from '../../build/cache.ts';
import { SystemError } from '../../capture/errors.ts';
import { openModuleTree } from '../../initrd/modules.ts';
import { buildDirectoryOf, builtImageOf, makeInBuild } from './build-directory.ts';
import {
  builtInDrivers,
  type Config,
  configGaps,
  configWishes,
  type Duties,
  parseConfig,
  triggerGaps,
} from './config-needs.ts';
import { imageFormat, type KernelImage, readKernelImage } from './kernel-image.ts';
import { gapsIn, type LabKernel } from './lab-kernel.ts';
import { findModuleTree, listedBuiltIns, modulesOfBuild, moduleTreeAt } from './module-tree.ts';

export interface OwnKernelChoice {
  /** A kernel's image, or the directory in which one was built. */
  readonly path: string;
  /** Where `make modules_install` put the modules. */
  readonly modules?: string;
  readonly vmlinux?: string;
  /** The path is a system image, which has the kernel in it. */
  readonly inImage?: true;
}

/** @throws Failure CONFIG_GAPS that names what the kernel lacks for its duties. */
export async function ownKernel(
  cache: Cache,
  { path, modules, vmlinux }: OwnKernelChoice,
  duties: Duties,
): Promise<LabKernel> {
  const format = imageFormat(duties.arch);
  const build = buildDirectoryOf(resolve(path), format);
  const vmlinuz = statSync(path).isDirectory() ? builtImageOf(resolve(path), format) : resolve(path);
  const bytes = readFileSync(vmlinuz);
  const image = readKernelImage(bytes, vmlinuz, format);
  const { release } = image;
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const config = findConfig(image, vmlinuz, build);
  const installed = modules
    ? installedTree(modules, release, build, duties)
    : treeBesideBoot(vmlinuz, release);
  const builtIn = config ? builtInDrivers(config, duties) : [];
  const at = join(cache.dir, 'own-kernels', sha256.slice(0, 16));
  const tree = installed ?? (build && (await modulesOfBuild(build, at, release, builtIn)));
  if (config) checkConfig(config, { duties, vmlinuz, tree, build }, cache.say);
  else
    cache.say(
      `no configuration is beside ${vmlinuz} or in it: what it lacks cannot be named before the boot`,
    );
  return {
    release,
    origin: resolve(path),
    label: release,
    vmlinuz,
    modulesDir: tree ?? listedBuiltIns(at, release, builtIn),
    sha256,
    symbols: async () => symbolsOf(vmlinux ?? (build && join(build, 'vmlinux')), release),
    makeModules: folder => makeInBuild(build, config, folder, release),
    checkTrigger(trigger) {
      const gaps = config ? triggerGaps(config, trigger) : [];
      if (gaps.length > 0) throw gapsIn(`crash ${vmlinuz} by the trigger ${trigger.name}`, gaps);
    },
  };
}

/** --modules may be for the kernel that crashes alone: the one that captures then has its build directory's. */
function installedTree(
  modules: string,
  release: string,
  build: string | undefined,
  { roles }: Duties,
): string | undefined {
  return build && !roles.includes('first')
    ? findModuleTree(modules, release)
    : moduleTreeAt(modules, release);
}

/** Beside an installed kernel, its modules are where its release says. */
function treeBesideBoot(vmlinuz: string, release: string): string | undefined {
  const tree = join('/lib/modules', release);
  return dirname(vmlinuz) === '/boot' && existsSync(join(tree, 'modules.dep')) ? tree : undefined;
}

function findConfig(image: KernelImage, vmlinuz: string, build: string | undefined): Config | undefined {
  const folder = dirname(vmlinuz);
  const files = [
    build && join(build, '.config'),
    join(folder, `config-${image.release}`),
    join(folder, 'config'),
  ];
  const file = files.find(name => name && existsSync(name));
  const text = file ? readFileSync(file, 'utf8') : image.config();
  return text === undefined ? undefined : parseConfig(text);
}

interface Checked {
  readonly duties: Duties;
  readonly vmlinuz: string;
  readonly tree?: string;
  readonly build?: string;
}

function checkConfig(
  config: Config,
  { duties, vmlinuz, tree, build }: Checked,
  say: (line: string) => void,
): void {
  const gaps = configGaps(config, duties, tree === undefined ? undefined : openModuleTree(tree));
  const action = duties.roles.includes('first') ? `crash ${vmlinuz}` : `capture with ${vmlinuz}`;
  if (gaps.length > 0) throw gapsIn(action, gaps, { build, hasTree: tree !== undefined });
  for (const wish of configWishes(config, duties)) say(`${vmlinuz}: ${wish}`);
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
