/** /etc/sysconfig/kdump of SUSE, as described in its kdump(5). */
import { MOST_THREADS } from '../../../../capture/threads/cost.ts';
import { appendedWords, wholeLine } from './kernel-words.ts';
import {
  type Conversions,
  collector,
  LOCAL_DISK,
  leftOut,
  NO_HOOKS,
  numberOutcome,
  OTHER_MACHINES,
  type Outcome,
  OWN_KERNEL,
  OWN_KEXEC,
  OWN_LOGGING,
  same,
  taken,
} from './outcome.ts';

/** KDUMP_DUMPFORMAT to a flag of makedumpfile. */
const FORMATS: Readonly<Record<string, string>> = { compressed: '-c', lzo: '-l', snappy: '-p', zstd: '-z' };

const hook = () => leftOut(NO_HOOKS);
const network = () => leftOut(LOCAL_DISK);
const fadump = (value: string) => (isTrue(value) ? leftOut(OTHER_MACHINES) : same(OTHER_MACHINES));
const mail = () => leftOut('set notify_url; kdumpling-report.service also reports each crash to the journal');

export const SUSE_KDUMP: Conversions = {
  KDUMP_CRASHKERNEL: value =>
    value === 'auto'
      ? same('`kdumpling enable` computes it')
      : leftOut(`run \`kdumpling enable --crashkernel "${value.replaceAll('crashkernel=', '')}"\``),
  KDUMP_UPDATE_BOOTLOADER: () =>
    same('`kdumpling enable` sets crashkernel=, and `kdumpling disable` removes it'),
  KDUMP_KERNELVER: () => leftOut(OWN_KERNEL),
  KDUMP_CPUS: value =>
    numberOutcome(value, count =>
      count >= 1 && count <= MOST_THREADS
        ? taken(`command_line_append nr_cpus=${count}`)
        : leftOut(
            `the crash kernel gets as many CPUs as there is memory for, at most ${MOST_THREADS}; for more, command_line_append nr_cpus=${value}`,
          ),
    ),
  KDUMP_COMMANDLINE: wholeLine,
  KDUMP_COMMANDLINE_APPEND: appendedWords,
  KDUMP_AUTO_RESIZE: value =>
    isTrue(value)
      ? leftOut('the reservation stays as it is; see `kdumpling estimate`')
      : same('the reservation stays as it is'),
  KDUMP_FADUMP: fadump,
  KDUMP_FADUMP_SHELL: fadump,
  FADUMP_COMMANDLINE_APPEND: () => same(OTHER_MACHINES),
  KEXEC_OPTIONS: () => leftOut(OWN_KEXEC),
  MAKEDUMPFILE_OPTIONS: collector,
  KDUMP_IMMEDIATE_REBOOT: value =>
    isTrue(value)
      ? taken('final_action reboot')
      : leftOut('after a complete dump the machine reboots, halts or powers off: see final_action'),
  KDUMP_TRANSFER: hook,
  KDUMP_SAVEDIR: saveDirectory,
  // It counts the dumps beside the new one.
  KDUMP_KEEP_OLD_DUMPS: value =>
    numberOutcome(value, count =>
      count === 0 ? same('all dumps are kept') : taken(`keep_dumps ${count < 0 ? 1 : count + 1}`),
    ),
  KDUMP_FREE_DISK_SIZE: value => numberOutcome(value, megabytes => taken(`keep_free ${megabytes}M`)),
  KDUMP_VERBOSE: () => same(OWN_LOGGING),
  KDUMP_DUMPLEVEL: value => collector(`-d ${value}`),
  KDUMP_DUMPFORMAT: value =>
    Object.hasOwn(FORMATS, value)
      ? collector(FORMATS[value]!)
      : leftOut('a dump is always in the kdump-compressed format'),
  KDUMP_CONTINUE_ON_ERROR: value => taken(`failure_action ${isTrue(value) ? 'reboot' : 'shell'}`),
  KDUMP_REQUIRED_PROGRAMS: hook,
  KDUMP_PRESCRIPT: hook,
  KDUMP_POSTSCRIPT: hook,
  KDUMP_NETCONFIG: () => same('the capture has no network'),
  KDUMP_NET_TIMEOUT: () => same('the capture has no network'),
  KDUMP_SMTP_SERVER: mail,
  KDUMP_SMTP_USER: mail,
  KDUMP_SMTP_PASSWORD: mail,
  KDUMP_NOTIFICATION_TO: mail,
  KDUMP_NOTIFICATION_CC: mail,
  KDUMP_HOST_KEY: network,
  KDUMP_SSH_IDENTITY: network,
};

/** A path or a URL. */
function saveDirectory(value: string): Outcome {
  const path = value.replace(/^file:(\/\/(?=\/))?/, '');
  return path.startsWith('/') ? taken(`path ${path.replace(/(?<=.)\/$/, '')}`) : leftOut(LOCAL_DISK);
}

function isTrue(value: string): boolean {
  return /^(true|yes|1)$/i.test(value);
}
