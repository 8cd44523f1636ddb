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
import { debianKernel, kernelLabel, type LabKernel } from '../kernel/lab-kernel.ts';
import { ownKernel } from '../kernel/own-kernel.ts';
import { chooseAccel } from '../machine/accel.ts';
import type { Accel } from '../machine/arch.ts';
import type { MachineChoice } from './options.ts';

export interface Lab {
  readonly cache: Cache;
  readonly kernel: LabKernel;
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
  const kernel = await openKernel(cache, choice);
  const { files } = await fetchGuestTools(cache);
  const makedumpfile = await fetchTool(cache, 'makedumpfile');
  const program = await buildProgram(say);
  const captureInitrd = buildStockImage(program, kernel).path;
  const { accel, why } = await chooseAccel(cache, choice.accel, kernel.vmlinuz);
  say(`QEMU runs on ${why}`);
  return {
    cache,
    kernel,
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
  const judges = { ...lab.judges, vmlinux: kernel.symbols };
  return { ...lab, kernel, judges, captureInitrd: buildStockImage(lab.program, kernel).path };
}

function openKernel(cache: Cache, { kernel, diskKind }: MachineChoice): Promise<LabKernel> {
  return 'path' in kernel ? ownKernel(cache, kernel, diskKind) : debianKernel(cache, kernel);
}
