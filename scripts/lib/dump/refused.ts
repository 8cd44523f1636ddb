/** makedumpfile's flags that `kdumpling dump` does not support, with the reasons: refused by name, never ignored. */

interface RefusedFlag {
  readonly flag: string;
  readonly short?: string;
  readonly value?: string;
  readonly why: string;
  readonly help: string;
}

function refused<const T extends { short?: string; value?: string }>(flag: string, why: string, facts: T) {
  return { ...facts, flag, why, help: `refused: ${why}` };
}

const XEN = 'dumps of Xen are not supported';
const SYMBOLS = "the filter uses the vmcore's own vmcoreinfo";
const ERASING = 'erasing data from a dump is not supported';

export const REFUSED = {
  vmlinux: refused('-x', SYMBOLS, { short: 'x', value: 'VMLINUX' }),
  vmcoreinfo: refused('-i', SYMBOLS, { short: 'i', value: 'VMCOREINFO' }),
  'generate-vmcoreinfo': refused('-g', SYMBOLS, { short: 'g', value: 'VMCOREINFO' }),
  'exclude-unused-vm': refused('-e', 'the memmap itself is always kept', { short: 'e' }),
  'exclude-xen-user-domain': refused('-X', XEN, { short: 'X' }),
  'xen-syms': refused('--xen-syms', XEN, { value: 'FILE' }),
  'xen-vmcoreinfo': refused('--xen-vmcoreinfo', XEN, { value: 'FILE' }),
  xen_phys_start: refused('--xen_phys_start', XEN, { value: 'ADDRESS' }),
  config: refused('--config', ERASING, { value: 'FILE' }),
  eppic: refused('--eppic', ERASING, { value: 'FILE' }),
  extension: refused('--extension', 'the filter cannot load programs', { value: 'FILE' }),
  diskset: refused('--diskset', 'sadump is not supported', { value: 'VMCORE' }),
  vtop: refused('--vtop', 'use crash to translate an address', { value: 'ADDRESS' }),
  'partial-dmesg': refused('--partial-dmesg', 'the kernel log is always written in full', {}),
  'mem-usage': refused('--mem-usage', 'use kdumpling estimate', {}),
} as const satisfies Readonly<Record<string, RefusedFlag>>;
