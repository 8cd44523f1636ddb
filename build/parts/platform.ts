/** What differs between the architectures that kdumpling is built for: one row each. */
import { SystemError } from '../../capture/errors.ts';

export interface Platform {
  /** Node's name for it (process.arch), which npm packages use as well. */
  readonly node: 'x64' | 'arm64';
  /** Debian's name for it. */
  readonly debian: 'amd64' | 'arm64';
  /** The name in packages for Fedora. */
  readonly rpm: 'x86_64' | 'aarch64';
  /** e_machine in an ELF header (linux/elf-em.h). */
  readonly machine: number;
  /** PT_INTERP of its programs, which their psABI sets. */
  readonly loader: string;
  /** Debian's multiarch folder, which the loader searches by default. */
  readonly libraries: string;
  /** How `ldconfig -p` marks libraries of it. */
  readonly ldconfig: string;
  /** Of its kernels, in KiB. */
  readonly largestPageKib: 4 | 64;
  /** Debian's package of cross binutils, and its strip. */
  readonly crossBinutils: { readonly package: string; readonly strip: string };
}

export const PLATFORMS: readonly Platform[] = [
  {
    node: 'x64',
    debian: 'amd64',
    rpm: 'x86_64',
    machine: 62,
    loader: '/lib64/ld-linux-x86-64.so.2',
    libraries: 'lib/x86_64-linux-gnu',
    ldconfig: 'x86-64',
    largestPageKib: 4,
    crossBinutils: { package: 'binutils-x86-64-linux-gnu', strip: 'x86_64-linux-gnu-strip' },
  },
  {
    node: 'arm64',
    debian: 'arm64',
    rpm: 'aarch64',
    machine: 183,
    loader: '/lib/ld-linux-aarch64.so.1',
    libraries: 'lib/aarch64-linux-gnu',
    ldconfig: 'AArch64',
    largestPageKib: 64,
    crossBinutils: { package: 'binutils-aarch64-linux-gnu', strip: 'aarch64-linux-gnu-strip' },
  },
];

/** Debian's names, as `--arch` takes them. */
export const PLATFORM_NAMES: readonly string[] = PLATFORMS.map(({ debian }) => debian);

/** @param name Debian's or Node's; by default this machine. @throws SystemError NO_PLATFORM */
export function platformNamed(name: string = process.arch): Platform {
  const platform = PLATFORMS.find(({ node, debian }) => name === node || name === debian);
  if (platform) return platform;
  throw new SystemError('NO_PLATFORM', {
    action: 'build kdumpling',
    actual: `it is not built for the architecture ${name}`,
    wanted: `one of ${PLATFORM_NAMES.join(', ')}`,
  });
}
