/** The kernel that a system image has. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Cache } from '../../build/cache.ts';
import { Failure } from '../../capture/errors.ts';
import type { Duties } from '../kernel/config-needs.ts';
import type { LabKernel } from '../kernel/lab-kernel.ts';
import { type OwnKernelChoice, ownKernel } from '../kernel/own-kernel.ts';
import type { SystemImage } from './system-image.ts';

/** @throws Failure NO_KERNEL, CONFIG_GAPS */
export async function kernelOfSystem(
  cache: Cache,
  { path, name, kernelFolder }: SystemImage,
  { vmlinux }: OwnKernelChoice,
  duties: Duties,
): Promise<LabKernel> {
  if (!kernelFolder) {
    throw new Failure('NO_KERNEL', {
      action: `boot the system image ${path}`,
      actual: 'it has no kernel with its modules',
      wanted: '/boot/vmlinuz-RELEASE and /lib/modules/RELEASE',
      toDo: 'Name a kernel with --kernel',
    });
  }
  const modules = join(kernelFolder, 'modules');
  const isIndexed = existsSync(join(modules, 'modules.dep'));
  const choice = { path: join(kernelFolder, 'vmlinuz'), vmlinux, ...(isIndexed && { modules }) };
  return { ...(await ownKernel(cache, choice, duties)), origin: `${name}, in ${path}` };
}
