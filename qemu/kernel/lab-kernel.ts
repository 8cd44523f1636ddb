/** The kernel that a lab's machine runs: one of Debian's, or one's own. */
import { type Cache, withLock } from '../../build/cache.ts';
import { HOST_ARCHITECTURE } from '../../build/fetch/apt.ts';
import { fetchKernelHeaders, makeModules } from '../../build/fetch/kernel-headers.ts';
import type { KernelChoice } from '../../build/fetch/kernel-origins.ts';
import { fetchDebugSymbols, fetchKernel } from '../../build/fetch/kernels.ts';
import { Failure } from '../../capture/errors.ts';
import type { CrashWay } from './config-needs.ts';

export interface LabKernel {
  /** As uname -r says it. */
  readonly release: string;
  /** Where it is from: `Debian 6.1.192-2`, or a path. */
  readonly origin: string;
  /** Whether Debian built it. */
  readonly isStock: boolean;
  /** What was chosen, for names: `6.1-cloud`, or the release. */
  readonly label: string;
  readonly vmlinuz: string;
  /** …/lib/modules/RELEASE, with the indexes that depmod writes. */
  readonly modulesDir: string;
  /** Of the vmlinuz: tells two builds of one release apart. */
  readonly sha256: string;
  /** The path of a vmlinux with debug symbols. @throws CannotCrash where there is none. */
  readonly symbols: () => Promise<string>;
  /** Runs kbuild on a folder with a Makefile and a module's source. */
  readonly makeModules: (folder: string) => Promise<void>;
  /** @throws CannotCrash where its configuration has no way for this trigger. */
  readonly checkTrigger: (trigger: CrashWay) => void;
}

/** A crash that this kernel does not allow: by its configuration, or for want of a part of its build. The others of a matrix are made. */
export class CannotCrash extends Failure {}

export async function debianKernel(cache: Cache, choice: KernelChoice): Promise<LabKernel> {
  const kernel = await fetchKernel(cache, choice);
  const { release, packageVersion, vmlinuz, modulesDir, sha256 } = kernel;
  return {
    release,
    origin: `Debian ${packageVersion}`,
    isStock: true,
    label: kernelLabel(choice),
    vmlinuz,
    modulesDir,
    sha256,
    symbols: () => fetchDebugSymbols(cache, kernel),
    makeModules: folder =>
      withLock(cache, `make-${release}`, async () =>
        makeModules(await fetchKernelHeaders(cache, kernel), kernel, folder),
      ),
    checkTrigger() {},
  };
}

/** `6.1-cloud`, and `6.1-cloud-arm64` for a kernel of another architecture than this machine's. */
export function kernelLabel({ series, flavour, architecture = HOST_ARCHITECTURE }: KernelChoice): string {
  const foreign = architecture === HOST_ARCHITECTURE ? '' : `-${architecture}`;
  return `${series}-${flavour}${foreign}`;
}
