/** /etc/sysconfig/kdump of Fedora and RHEL, as kdumpctl reads it. Their /etc/kdump.conf has our own syntax. */
import { UNSUPPORTED } from '../unsupported.ts';
import { appendedWords, removedWords, wholeLine } from './kernel-words.ts';
import {
  type Conversions,
  leftOut,
  OTHER_MACHINES,
  type Outcome,
  OWN_KERNEL,
  OWN_KEXEC,
  OWN_LOGGING,
  same,
  taken,
} from './outcome.ts';

const logging = () => same(OWN_LOGGING);

export const KDUMP_UTILS: Conversions = {
  KDUMP_KERNELVER: () => leftOut(OWN_KERNEL),
  KDUMP_COMMANDLINE: wholeLine,
  KDUMP_COMMANDLINE_REMOVE: removedWords,
  KDUMP_COMMANDLINE_APPEND: appendedWords,
  FADUMP_COMMANDLINE_APPEND: () => same(OTHER_MACHINES),
  KEXEC_ARGS: value => (value === '-s' ? same(OWN_KEXEC) : leftOut(OWN_KEXEC)),
  KDUMP_BOOTDIR: () => same(OWN_KERNEL),
  KDUMP_IMG: () => same(OWN_KERNEL),
  KDUMP_IMG_EXT: () => same(OWN_KERNEL),
  VMCORE_CREATION_NOTIFICATION: () => same('kdumpling-report.service reports each crash to the journal'),
  KDUMP_STDLOGLVL: logging,
  KDUMP_SYSLOGLVL: logging,
  KDUMP_KMSGLOGLVL: logging,
};

/** A line of its kdump.conf. What kdumpling refuses has its own reason. */
export function convertDirective(name: string, value: string): Outcome {
  if (name === 'auto_reset_crashkernel') return same('only `kdumpling enable` changes crashkernel=');
  if (name === 'disk_timeout') return taken(`device_timeout ${value}`);
  if (Object.hasOwn(UNSUPPORTED, name)) return leftOut(asReason(UNSUPPORTED[name]!));
  return taken(`${name} ${value.replace(/["']/g, '')}`.trim());
}

function asReason(text: string): string {
  return `${text[0]!.toLowerCase()}${text.slice(1)}`;
}
