/**
 * The options that the target is mounted with: those every capture needs, then the host's own where the file system
 * would be a different one or less safe without them. The rest is left out: when to mount (noauto, nofail, x-systemd.*),
 * access (user, quota), speed (discard, noatime, commit=), and what endangers a dump (ro, barrier=0, nobarrier, noload,
 * norecovery, errors=panic).
 */
import { fileSystemNamed } from '../../options/file-systems.ts';

/** A dump never needs to run programs or open devices from its file system, whatever a damaged disk contains. */
const ALWAYS: readonly string[] = ['rw', 'nosuid', 'nodev', 'noexec'];

export interface MountOptions {
  /** In order, for mount(8) and mount(2). */
  readonly options: readonly string[];
  /** Options of the host that the capture does not use. */
  readonly leftOut: readonly string[];
}

/** @param host the host's own, as in fstab(5): `defaults,errors=remount-ro`. */
export function captureMountOptions(fstype: string, host: string): MountOptions {
  const { kept, added } = fileSystemNamed(fstype)?.mountOptions ?? { kept: [], added: [] };
  const isKept = (option: string) => {
    const name = option.replace(/=.*$/s, option.includes('=') ? '=' : '');
    return kept.includes(name) || kept.includes(option);
  };
  const given = host.split(',').filter(option => option !== '');
  return {
    options: [...ALWAYS, ...added, ...given.filter(isKept)],
    leftOut: given.filter(option => !isKept(option) && option !== 'defaults' && !ALWAYS.includes(option)),
  };
}
