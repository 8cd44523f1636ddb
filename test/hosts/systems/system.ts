/** A kind of host with a boot loader, as its own tools make it, and what the systems have in common. */
import { digestsOf, textOf } from '../../support/host-root.ts';
import type { RealRoot } from '../../support/real-root.ts';

export const MACHINE_ID = '0123456789abcdef0123456789abcdef';
export const KVER = '6.5.6-300.fc39.x86_64';
export const OTHER_KVER = '6.4.9-200.fc38.x86_64';
export const NEW_KVER = '6.6.1-1.fc39.x86_64';
export const ENTRIES = '/boot/loader/entries';

export interface System {
  /** The driver's. */
  readonly name: string;
  /** A machine of this kind, with a crashkernel= of its owner's. */
  machine(value?: string): RealRoot;
  /** All that is to come back. */
  state(host: RealRoot): string;
  /** The command line of each boot entry. */
  commandLines(host: RealRoot): string[];
  /** Somebody else's change. */
  addWord(host: RealRoot, word: string): void;
  /** A kernel update. */
  addKernel?(host: RealRoot): void;
}

export function kernelFiles(kver: string) {
  return {
    [`/boot/vmlinuz-${kver}`]: `MZ ${kver}`,
    [`/boot/initrd.img-${kver}`]: 'initrd',
    [`/lib/modules/${kver}/`]: '',
  };
}

/** Of each boot entry, in the order of their names. */
export function optionsOf(host: RealRoot): string[] {
  const entries = host.list(ENTRIES).map(name => textOf(host, `${ENTRIES}/${name}`));
  return entries.map(text => /^options\s+(.*)$/m.exec(text)![1]!);
}

/** Every file but those of the tools and ours. */
export function filesOf(host: RealRoot): string {
  return digestsOf(host, 'boot', 'etc');
}
