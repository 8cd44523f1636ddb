/** One's own kernel: an image or a kernel build directory, with its modules, its configuration and its symbols. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import type { Cache } from '../../build/cache.ts';
import { Failure } from '../../capture/errors.ts';
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
import { gapsIn } from './gap-advice.ts';
import type { ImageFormat } from './image-format.ts';
import { findModuleTree, moduleTreeAt } from './installed-modules.ts';
import { imageFormat, type KernelImage, readKernelImage } from './kernel-image.ts';
import type { LabKernel } from './lab-kernel.ts';
import { listedBuiltIns, modulesOfBuild } from './module-tree.ts';
import { symbolsOf } from './symbols.ts';

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
  const known = { duties, vmlinuz, tree, build, format };
  if (config) checkConfig(config, known, cache.say);
  else if (tree === undefined) throw unknownDrivers(known, release);
  else
    cache.say(
      `no configuration is beside ${vmlinuz} or in it: what it lacks cannot be named before the boot`,
    );
  const symbols = () => symbolsOf(vmlinux ?? (build && join(build, 'vmlinux')), image);
  if (vmlinux !== undefined) symbols();
  return {
    release,
    origin: resolve(path),
    isStock: false,
    label: release,
    vmlinuz,
    modulesDir: tree ?? listedBuiltIns(at, release, builtIn),
    sha256,
    symbols: async () => symbols(),
    makeModules: folder => makeInBuild(build, config, folder, release),
    checkTrigger(trigger) {
      const gaps = config ? triggerGaps(config, trigger) : [];
      if (!config || gaps.length === 0) return;
      const action = `crash ${vmlinuz} by the trigger ${trigger.name}`;
      throw gapsIn({ action, gaps, config, build, format, hasTree: tree !== undefined });
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

interface Known {
  readonly duties: Duties;
  readonly vmlinuz: string;
  readonly tree?: string;
  readonly build?: string;
  readonly format: ImageFormat;
}

function actionOf({ duties, vmlinuz }: Known): string {
  return duties.roles.includes('first') ? `crash ${vmlinuz}` : `capture with ${vmlinuz}`;
}

function checkConfig(config: Config, known: Known, say: (line: string) => void): void {
  const { duties, vmlinuz, tree, build, format } = known;
  const gaps = configGaps(config, duties, tree === undefined ? undefined : openModuleTree(tree));
  if (gaps.length > 0) {
    throw gapsIn({ action: actionOf(known), gaps, config, build, format, hasTree: tree !== undefined });
  }
  for (const wish of configWishes(config, duties)) say(`${vmlinuz}: ${wish}`);
}

function unknownDrivers(known: Known, release: string): Failure {
  return new Failure('NO_CONFIG', {
    action: actionOf(known),
    actual: `nothing says which drivers are built into it: it comes without modules, its configuration is not in it (CONFIG_IKCONFIG), and there is no config-${release} beside it`,
    wanted: 'one of these',
    toDo: `Copy the build’s .config to ${join(dirname(known.vmlinuz), `config-${release}`)}, name the modules with --modules DIR, or name the build directory as --kernel`,
  });
}
