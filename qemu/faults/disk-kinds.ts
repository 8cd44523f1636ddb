/** No fault, and another boot disk than the usual: a capture is to be as sound on these. */
import * as expect from '../expect/expectations.ts';
import type { Fault } from './fault.ts';

export const DISK_KINDS: readonly Fault[] = [
  {
    name: 'on-ahci',
    help: 'nothing; the boot disk is on AHCI, for which Debian’s cloud kernel has no driver',
    kernel: { series: '6.1', flavour: 'generic' },
    disk: { bus: 'ahci' },
    expectations: expect.SOUND_CAPTURE,
  },
  {
    name: 'on-vfat',
    help: 'nothing; the boot disk is a FAT',
    disk: { fs: 'vfat' },
    expectations: expect.SOUND_CAPTURE,
  },
];
