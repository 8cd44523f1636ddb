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
import { Failure } from '../../capture/errors.ts';
import type { Program } from '../../initrd/image.ts';
import type { Judges } from '../expect/check.ts';
import { byDrgn, byMakedumpfile } from '../judges/kernel-log.ts';
import { debianKernel, kernelLabel, type LabKernel } from '../kernel/lab-kernel.ts';
import type { Role } from '../kernel/needs.ts';
import { ownKernel } from '../kernel/own-kernel.ts';
import { chooseAccel } from '../machine/accel.ts';
import { type Accel, emulatorPackage, labArch } from '../machine/arch.ts';
import { openSystemImage, type SystemImage, systemDiskKind } from '../system/system-image.ts';
import { kernelOfSystem } from '../system/system-kernel.ts';
import type { MachineChoice } from './options.ts';

/** The kernel that looks into system images: it reads every file system that a capture writes to. */
const INSPECTOR: KernelChoice = { series: '6.1', flavour: 'cloud' };

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
  /** What boots instead of the lab's own disk. */
  readonly system?: SystemImage;
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
  const parts = await partsFor(cache, choice.architecture);
  const system = choice.disk === undefined ? undefined : await openSystem(cache, choice, choice.disk, parts);
  const { kernel, captureKernel } = await openKernels(cache, choice, system);
  const program = await buildProgram(say, parts);
  const captureInitrd = buildStockImage(program, captureKernel).path;
  const { accel, why } = await chooseAccel(cache, choice.accel, kernel.vmlinuz, parts.platform.node);
  say(`QEMU runs on ${why}`);
  return {
    cache,
    kernel,
    captureKernel,
    system,
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

async function openSystem(
  cache: Cache,
  { accel }: MachineChoice,
  path: string,
  parts: Parts,
): Promise<SystemImage> {
  if (!parts.isNative) {
    throw new Failure('FOREIGN_SYSTEM', {
      action: `boot the system image ${path}`,
      actual: `the machine’s architecture is ${parts.platform.debian}`,
      wanted: 'that of this machine',
      toDo: 'Leave out --arch',
    });
  }
  const kernel = await debianKernel(cache, INSPECTOR);
  return openSystemImage(cache, path, {
    kernel,
    parts,
    accel: (await chooseAccel(cache, accel, kernel.vmlinuz)).accel,
  });
}

async function openKernels(
  cache: Cache,
  { kernel, captureKernel, diskKind, architecture }: MachineChoice,
  system: SystemImage | undefined,
): Promise<Pick<Lab, 'kernel' | 'captureKernel'>> {
  const disk = system ? systemDiskKind(system, diskKind) : diskKind;
  const arch = labArch(platformNamed(architecture).node);
  const open = (choice: MachineChoice['kernel'], ...roles: Role[]) => {
    if (!('path' in choice)) return debianKernel(cache, { ...choice, architecture });
    const duties = { roles, disk, arch };
    return choice.inImage ? kernelOfSystem(cache, system!, choice, duties) : ownKernel(cache, choice, duties);
  };
  if (captureKernel) {
    return { kernel: await open(kernel, 'first'), captureKernel: await open(captureKernel, 'capture') };
  }
  const both = await open(kernel, 'first', 'capture');
  return { kernel: both, captureKernel: both };
}
