/** The lab: everything that a crash needs, fetched and built. */
import { join } from 'node:path';
import { type Cache, openCache } from '../../build/cache.ts';
import type { KernelChoice } from '../../build/fetch/kernel-origins.ts';
import { fetchGuestTools, fetchTool, type GuestFile } from '../../build/fetch/tools.ts';
import { ensureHostPackages, HOST_PACKAGES } from '../../build/host/host-packages.ts';
import { partsFor } from '../../build/parts/choose.ts';
import type { Parts } from '../../build/parts/parts.ts';
import { platformNamed } from '../../build/parts/platform.ts';
import { buildProgram } from '../../build/program.ts';
import { buildStockImage } from '../../build/stock-image.ts';
import type { Program } from '../../initrd/image.ts';
import type { Judges } from '../expect/expectations.ts';
import { byDrgn, byMakedumpfile } from '../judges/kernel-log.ts';
import type { Role } from '../kernel/config-needs.ts';
import { debianKernel, kernelLabel, type LabKernel } from '../kernel/lab-kernel.ts';
import { ownKernel } from '../kernel/own-kernel.ts';
import { chooseAccel } from '../machine/accel.ts';
import { type Accel, emulatorPackage, labArch } from '../machine/arch.ts';
import type { MachineChoice } from './options.ts';

export interface Lab {
  readonly cache: Cache;
  readonly kernel: LabKernel;
  /** What captures: the same kernel, unless another was chosen. */
  readonly captureKernel: LabKernel;
  readonly guestTools: readonly GuestFile[];
  /** Of the guest's architecture. */
  readonly parts: Parts;
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
  const emulator = emulatorPackage(labArch(platformNamed(choice.architecture).node));
  ensureHostPackages(join(cache.dir, 'host-packages.log'), say, [...HOST_PACKAGES, emulator]);
  const { kernel, captureKernel } = await openKernels(cache, choice);
  const parts = await partsFor(cache, choice.architecture);
  const program = await buildProgram(say, parts);
  const captureInitrd = buildStockImage(program, captureKernel).path;
  const { accel, why } = await chooseAccel(cache, choice.accel, kernel.vmlinuz, parts.platform.node);
  say(`QEMU runs on ${why}`);
  return {
    cache,
    kernel,
    captureKernel,
    guestTools: labArch(parts.platform.node).kexecTools ? (await fetchGuestTools(cache)).files : [],
    parts,
    judges: await openJudges(cache, kernel, parts),
    program,
    captureInitrd,
    accel,
    choice,
  };
}

/** makedumpfile reads only dumps of the architecture that it was built for. */
async function openJudges(cache: Cache, kernel: LabKernel, { isNative }: Parts): Promise<Judges> {
  const tool: Judges['tool'] = name => fetchTool(cache, name);
  const log = isNative
    ? byMakedumpfile(await tool('makedumpfile'))
    : byDrgn(await tool('drgn'), kernel.symbols);
  return { log, tool, vmlinux: kernel.symbols };
}

/** The same lab with another kernel of Debian's. */
export async function withKernel(lab: Lab, { series, flavour }: KernelChoice): Promise<Lab> {
  const choice = { series, flavour, architecture: lab.choice.architecture };
  if (lab.kernel.label === kernelLabel(choice)) return lab;
  const kernel = await debianKernel(lab.cache, choice);
  const captureKernel = lab.choice.captureKernel ? lab.captureKernel : kernel;
  const judges = await openJudges(lab.cache, kernel, lab.parts);
  const captureInitrd = buildStockImage(lab.program, captureKernel).path;
  return { ...lab, kernel, captureKernel, judges, captureInitrd };
}

async function openKernels(
  cache: Cache,
  { kernel, captureKernel, diskKind, architecture }: MachineChoice,
): Promise<Pick<Lab, 'kernel' | 'captureKernel'>> {
  const open = (choice: MachineChoice['kernel'], ...roles: Role[]) =>
    'path' in choice
      ? ownKernel(cache, choice, { roles, disk: diskKind })
      : debianKernel(cache, { ...choice, architecture });
  if (captureKernel) {
    return { kernel: await open(kernel, 'first'), captureKernel: await open(captureKernel, 'capture') };
  }
  const both = await open(kernel, 'first', 'capture');
  return { kernel: both, captureKernel: both };
}
