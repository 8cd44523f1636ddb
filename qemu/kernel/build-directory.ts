/** A directory in which a kernel was built: in its source tree, or beside it (`make O=`). */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { $ } from 'zx';
import { buildErrors } from '../../build/fetch/build-tree.ts';
import { findCommand } from '../../build/host/host-packages.ts';
import type { Config } from './config-needs.ts';
import type { ImageFormat } from './image-format.ts';
import { CannotCrash } from './lab-kernel.ts';
import { noImageIn } from './unbuilt.ts';

/** The directory itself, or that of the image in it. undefined for an image that comes alone. */
export function buildDirectoryOf(path: string, { built }: ImageFormat): string | undefined {
  const inBuild = `/${built}`;
  const root = path.endsWith(inBuild) ? path.slice(0, -inBuild.length) : path;
  return existsSync(join(root, 'Makefile')) && existsSync(join(root, '.config')) ? root : undefined;
}

/** The image that was built in the directory. @throws Failure NO_KERNEL_IMAGE */
export function builtImageOf(directory: string, format: ImageFormat): string {
  const image = join(directory, format.built);
  if (existsSync(image)) return image;
  throw noImageIn(directory, format);
}

/**
 * Builds a folder's module for the kernel, with the host's compiler. Symbols without a Module.symvers would only be missed
 * when the guest loads the module.
 * @throws CannotCrash
 */
export async function makeInBuild(
  build: string | undefined,
  config: Config | undefined,
  folder: string,
  release: string,
): Promise<void> {
  const action = `build the lab’s module for ${release}`;
  if (!build) {
    throw new CannotCrash('NO_BUILD', {
      action,
      actual: 'only the kernel’s image is known',
      wanted: 'the directory in which it was built, as --kernel',
      toDo: 'Choose sysrq-c or another trigger that needs no module, or a --crash-command',
    });
  }
  if (!existsSync(join(build, 'Module.symvers'))) {
    throw new CannotCrash('NO_SYMVERS', {
      action,
      actual: `there is no Module.symvers in ${build}`,
      wanted: 'a directory in which the modules were built as well',
      toDo: `Run make -C ${build} modules`,
    });
  }
  const isClang = config?.get('CC_IS_CLANG') === 'y';
  for (const command of ['make', isClang ? 'clang' : 'gcc']) {
    if (findCommand(command)) continue;
    throw new CannotCrash('NO_COMPILER', {
      action,
      actual: `there is no ${command}`,
      wanted: `the package ${command}`,
    });
  }
  // Kbuild gives each module its types (scripts/Makefile.modfinal, cmd_btf_ko); this one crashes as well without.
  const pahole = findCommand('pahole') ? [] : ['PAHOLE=true'];
  const words = [...(isClang ? ['LLVM=1'] : []), ...pahole, `M=${folder}`, 'modules'];
  const output = await $({ nothrow: true, quiet: true })`make -C ${build} ${words}`;
  if (output.exitCode === 0) return;
  throw new CannotCrash('MODULE_BUILD', {
    action,
    actual: buildErrors(output.stderr) || `make ended with ${output.exitCode}`,
    wanted: 'the compiler that built this kernel, on this machine',
  });
}
