/** The lab: everything that a crash needs, fetched and built. */
import { join } from 'node:path';
import { type Cache, openCache } from '../../build/cache.ts';
import type { KernelChoice } from '../../build/fetch/kernel-origins.ts';
import { fetchGuestTools, fetchTool, type GuestFile } from '../../build/fetch/tools.ts';
import { ensureHostPackages } from '../../build/host/host-packages.ts';
import { buildProgram } from '../../build/program.ts';
import { buildStockImage } from '../../build/stock-image.ts';
import type { Program } from '../../initrd/image.ts';
import type { Judges } from '../expect/expectations.ts';
import type { Role } from '../kernel/config-needs.ts';
import { debianKernel, kernelLabel, type LabKernel } from '../kernel/lab-kernel.ts';
import { ownKernel } from '../kernel/own-kernel.ts';
import { chooseAccel } from '../machine/accel.ts';
import type { Accel } from '../machine/arch.ts';
import type { MachineChoice } from './options.ts';

export interface Lab {
  readonly cache: Cache;
  readonly kernel: LabKernel;
  /** What captures: the same kernel, unless another was chosen. */
  readonly captureKernel: LabKernel;
  readonly guestTools: readonly GuestFile[];
  readonly judges: Judges;
  readonly program: Program;
  /** The stock image, in dist/initrd/. */
  readonly captureInitrd: string;
  readonly accel: Accel;
  readonly choice: MachineChoice;
}

/** Sets everything up. Each step takes a moment when it was done before. */
export async function openLab(choice: MachineChoice, say: (line: string) => void): Promise<Lab> {
  const cache = openCache(say);
  ensureHostPackages(join(cache.dir, 'host-packages.log'), say);
  const { kernel, captureKernel } = await openKernels(cache, choice);
  const { files } = await fetchGuestTools(cache);
  const makedumpfile = await fetchTool(cache, 'makedumpfile');
  const program = await buildProgram(say);
  const captureInitrd = buildStockImage(program, captureKernel).path;
  const { accel, why } = await chooseAccel(cache, choice.accel, kernel.vmlinuz);
  say(`QEMU runs on ${why}`);
  return {
    cache,
    kernel,
    captureKernel,
    guestTools: files,
    judges: {
      makedumpfile,
      tool: name => fetchTool(cache, name),
      vmlinux: kernel.symbols,
    },
    program,
    captureInitrd,
    accel,
    choice,
  };
}

/** The same lab with another kernel of Debian's. */
export async function withKernel(lab: Lab, choice: KernelChoice): Promise<Lab> {
  if (lab.kernel.label === kernelLabel(choice)) return lab;
  const kernel = await debianKernel(lab.cache, choice);
  const captureKernel = lab.choice.captureKernel ? lab.captureKernel : kernel;
  const judges = { ...lab.judges, vmlinux: kernel.symbols };
  const captureInitrd = buildStockImage(lab.program, captureKernel).path;
  return { ...lab, kernel, captureKernel, judges, captureInitrd };
}

async function openKernels(
  cache: Cache,
  { kernel, captureKernel, diskKind }: MachineChoice,
): Promise<Pick<Lab, 'kernel' | 'captureKernel'>> {
  const open = (choice: MachineChoice['kernel'], ...roles: Role[]) =>
    'path' in choice ? ownKernel(cache, choice, { roles, disk: diskKind }) : debianKernel(cache, choice);
  if (captureKernel) {
    return { kernel: await open(kernel, 'first'), captureKernel: await open(captureKernel, 'capture') };
  }
  const both = await open(kernel, 'first', 'capture');
  return { kernel: both, captureKernel: both };
}
