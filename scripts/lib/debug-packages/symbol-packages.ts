/** Which package of its distribution has the debug symbols of a kernel. */

export interface PackagedKernel {
  /** `uname -r` */
  readonly release: string;
  /** `uname -v`, in which Debian and Ubuntu name themselves; empty where it is not known. */
  readonly version: string;
  /** As Debian calls it: `amd64`, `arm64`. Undefined where it is that of this machine. */
  readonly foreign?: string;
}

export interface SymbolPackage {
  /** For a message: `Debian`. */
  readonly distribution: string;
  /** What to type on a machine of that distribution. */
  readonly install: (kernel: PackagedKernel) => string;
}

interface Source extends SymbolPackage {
  /** Fits `uname -v` and `uname -r`, with a space between. */
  readonly kernel?: RegExp;
  /** Fits ID and ID_LIKE of os-release(5), for kernels that do not say whose they are. */
  readonly host: RegExp;
}

const SOURCES: readonly Source[] = [
  {
    // From the archive of debug symbols, which is not among the sources by default.
    distribution: 'Ubuntu',
    kernel: /Ubuntu/,
    host: /\bubuntu\b/,
    install: kernel => apt(`linux-image-unsigned-${kernel.release}-dbgsym`, kernel),
  },
  {
    distribution: 'Debian',
    kernel: /Debian/,
    host: /\bdebian\b/,
    install: kernel => apt(`linux-image-${kernel.release}-dbg`, kernel),
  },
  {
    distribution: 'Fedora or RHEL',
    kernel: /\.(fc|el|amzn)\d/,
    host: /\b(fedora|rhel|centos|amzn)\b/,
    install: ({ release }) => `dnf debuginfo-install ${fedoraPackage(release)}`,
  },
  {
    distribution: 'SUSE',
    // The flavour ends the release, and is the package's name.
    kernel: /-(default|kvmsmall|64kb)$/,
    host: /\bsuse\b/,
    install: ({ release }) =>
      `zypper --plus-content debug install kernel-${/-([a-z0-9]+)$/.exec(release)?.[1] ?? 'default'}-debuginfo`,
  },
];

/** @param host ID and ID_LIKE of the os-release of the machine that the dump is on. @returns undefined for a kernel of no distribution that is known here. */
export function symbolPackage(
  { release, version }: Pick<PackagedKernel, 'release' | 'version'>,
  host = '',
): SymbolPackage | undefined {
  if (release === '') return undefined;
  const named = `${version} ${release}`;
  return SOURCES.find(({ kernel }) => kernel?.test(named)) ?? SOURCES.find(source => source.host.test(host));
}

function apt(name: string, { foreign }: PackagedKernel): string {
  return foreign === undefined
    ? `apt install ${name}`
    : `dpkg --add-architecture ${foreign} && apt update && apt install ${name}:${foreign}`;
}

/** The variant of a kernel follows its release: `6.12.0-55.el10.aarch64+64k` is of kernel-64k. */
function fedoraPackage(release: string): string {
  const [base, variant] = release.split('+');
  return ['kernel', ...(variant ? [variant] : []), base].join('-');
}
