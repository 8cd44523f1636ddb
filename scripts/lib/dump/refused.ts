/** makedumpfile's flags that `kdumpling dump` does not do, each with the reason: refused by name and never ignored. */

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
const SYMBOLS = "the filter goes by the vmcore's own vmcoreinfo";
const ERASING = 'data cannot be erased from a dump yet';

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
  extension: refused('--extension', 'programs cannot be loaded into the filter', { value: 'FILE' }),
  diskset: refused('--diskset', 'sadump is not supported', { value: 'VMCORE' }),
  vtop: refused('--vtop', 'use crash for single addresses', { value: 'ADDRESS' }),
  'partial-dmesg': refused('--partial-dmesg', 'the kernel log is always written whole', {}),
  'mem-usage': refused('--mem-usage', 'use kdumpling estimate', {}),
} as const satisfies Readonly<Record<string, RefusedFlag>>;
