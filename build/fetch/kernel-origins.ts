/**
 * Where Debian has which kernel: the meta package of each series as data, and the real packages that it leads to by the
 * archive's lists alone.
 */
import { SystemError } from '../../capture/errors.ts';
import type { Cache } from '../cache.ts';
import { type Apt, findPackage, openApt, resolvePackage, resolvePackages } from './apt.ts';
import type { PackageInfo } from './apt-output.ts';
import type { SuiteName } from './sources.ts';

export type Series = '5.10' | '6.1' | '6.12' | '7.x';
/** `16k`: pages of 16 KiB, which Debian builds for arm64 from 6.12 on. */
export type Flavour = 'cloud' | 'generic' | '16k';

export interface KernelChoice {
  readonly series: Series;
  readonly flavour: Flavour;
  /** Debian's name of it; that of this machine when it is left out. */
  readonly architecture?: string;
}

/** A meta package that depends on the newest kernel of a series; %arch is Debian's name of the architecture. */
interface Origin {
  readonly suite: SuiteName;
  readonly meta: Readonly<Partial<Record<Flavour, string>>>;
}

const WITHOUT_16K = { cloud: 'linux-image-cloud-%arch', generic: 'linux-image-%arch' };
const DEFAULT_META = { ...WITHOUT_16K, '16k': 'linux-image-%arch-16k' };

/** Tried in order: the first that has a kernel of the series is it. */
export const KERNEL_ORIGINS: Readonly<Record<Series, readonly Origin[]>> = {
  '5.10': [{ suite: 'bullseye-released', meta: WITHOUT_16K }],
  '6.1': [{ suite: 'bookworm', meta: WITHOUT_16K }],
  '6.12': [
    {
      suite: 'bookworm',
      meta: {
        cloud: 'linux-image-6.12-cloud-%arch',
        generic: 'linux-image-6.12-%arch',
        '16k': 'linux-image-6.12-%arch-16k',
      },
    },
    { suite: 'trixie', meta: DEFAULT_META },
  ],
  '7.x': [
    { suite: 'sid', meta: DEFAULT_META },
    { suite: 'forky', meta: DEFAULT_META },
  ],
};

export interface ResolvedKernel {
  readonly apt: Apt;
  readonly release: string;
  readonly packageVersion: string;
  readonly packages: readonly PackageInfo[];
}

/** Which packages are the newest kernel of the series, by the archive's lists alone. */
export async function resolveKernel(
  cache: Cache,
  { series, flavour, architecture }: KernelChoice,
  { refresh = false } = {},
): Promise<ResolvedKernel> {
  const origins = KERNEL_ORIGINS[series];
  for (const { suite, meta } of origins) {
    const name = meta[flavour];
    if (name === undefined) continue;
    const apt = await openApt(cache, suite, { refresh, architecture });
    const metaInfo = await findPackage(apt, name.replace('%arch', apt.architecture));
    const release = metaInfo?.depends.map(releaseOfImage).find(found => found !== undefined);
    if (!metaInfo || !release || !isOfSeries(release, series)) continue;
    const image = await resolvePackage(apt, `linux-image-${release}`, metaInfo.version);
    const parts = image.depends.filter(name => isPartOfKernel(name, release));
    const rest = await resolvePackages(apt, parts, metaInfo.version);
    return { apt, release, packageVersion: image.version, packages: [image, ...rest] };
  }
  throw new SystemError('NO_KERNEL', {
    action: `find a ${flavour} kernel ${series}`,
    actual: `none in ${origins.map(({ suite }) => suite).join(', ')}`,
    wanted: `one of ${Object.keys(KERNEL_ORIGINS).join(', ')} that Debian still has`,
  });
}

/** linux-image-6.1.0-56-cloud-amd64 → 6.1.0-56-cloud-amd64 */
export function releaseOfImage(packageName: string): string | undefined {
  return /^linux-image-(\d+\.\d+\.\d+\S*)$/.exec(packageName)?.[1];
}

export function isOfSeries(release: string, series: Series): boolean {
  const [major, minor] = series.split('.');
  const parts = release.split('.');
  return parts[0] === major && (minor === 'x' || parts[1] === minor);
}

/** From 7.x on linux-image-* is an empty shell over these. */
export function isPartOfKernel(packageName: string, release: string): boolean {
  return ['linux-binary', 'linux-modules', 'linux-base'].some(part => packageName === `${part}-${release}`);
}
