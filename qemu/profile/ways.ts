/** The captures whose pages of Node are counted. */
import type { ProfileKind } from '../../build/node/page-profile.ts';
import { FAULTS } from '../faults/all.ts';
import type { Fault } from '../faults/fault.ts';
import { SOUND } from '../faults/sound.ts';

/** The usual captures are made on each of them, the others on the first. */
export const KERNELS = ['6.1-cloud', '6.12-cloud', '7.x-cloud'];

export interface Way {
  readonly kind: ProfileKind;
  readonly fault: Fault;
  /** Undefined for the machine that was asked for. */
  readonly memoryMib?: number;
}

/** The capture program tells which pages it touched, whatever else happens. */
function reporting(fault: Fault, words: readonly string[] = []): Fault {
  return {
    ...fault,
    bundle: { entry: 'qemu/faults/bundles/touched-pages.ts' },
    crashWords: [...(fault.crashWords ?? []), ...words],
  };
}

export const USUAL: readonly Way[] = [
  { kind: 'usual', fault: reporting(SOUND) },
  { kind: 'usual', fault: reporting(SOUND, ['kdumpling.codec=lzo', 'kdumpling.autopsy=no']) },
];
/** From 8 GiB on, V8 compiles (initrd/image.ts). */
const LARGE_MIB = 9 * 1024;
/** Large machines, and what else the plain program goes through to its end on a file system. */
export const SELDOM: readonly Way[] = [
  { kind: 'seldom', fault: reporting(SOUND), memoryMib: LARGE_MIB },
  {
    kind: 'seldom',
    fault: reporting(SOUND, ['kdumpling.codec=zlib', 'kdumpling.autopsy=no']),
    memoryMib: LARGE_MIB,
  },
  ...[
    'several-cpus',
    'on-vfat',
    'full-stronger-codec',
    'full-incomplete',
    'file-system-errors',
    'crash-loop',
  ].map(name => ({ kind: 'seldom' as const, fault: reporting(FAULTS.find(fault => fault.name === name)!) })),
];
