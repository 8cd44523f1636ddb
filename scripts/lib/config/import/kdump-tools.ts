/** /etc/default/kdump-tools of Debian and Ubuntu, as /usr/sbin/kdump-config reads it. */
import { appendedWords, wholeLine } from './kernel-words.ts';
import {
  type Conversions,
  collector,
  failureAction,
  LOCAL_DISK,
  leftOut,
  numberOutcome,
  OWN_KERNEL,
  OWN_KEXEC,
  same,
  taken,
} from './outcome.ts';

const network = () => leftOut(LOCAL_DISK);

export const KDUMP_TOOLS: Conversions = {
  USE_KDUMP: () => same('`kdumpling enable` and `kdumpling disable` arm and disarm the machine'),
  KDUMP_KERNEL: () => same(OWN_KERNEL),
  KDUMP_INITRD: () => same(OWN_KERNEL),
  KDUMP_SYSCTL: () =>
    leftOut('see `kdumpling show`; `kdumpling enable --set-sysctls` has oopses and lockups panic'),
  KDUMP_COREDIR: value => taken(`path ${value}`),
  KDUMP_FAIL_CMD: failureAction,
  KDUMP_DUMP_DMESG: value =>
    value === '0' ? leftOut('the kernel log is always saved') : same('the kernel log is always saved'),
  KDUMP_NUM_DUMPS: value =>
    numberOutcome(value, count => (count === 0 ? same('all dumps are kept') : taken(`keep_dumps ${count}`))),
  KDUMP_COMPRESSION: () => same('dumps are always compressed'),
  MAKEDUMP_ARGS: collector,
  KDUMP_KEXEC_ARGS: () => leftOut(OWN_KEXEC),
  KDUMP_CMDLINE: wholeLine,
  KDUMP_CMDLINE_APPEND: appendedWords,
  HOSTTAG: network,
  NFS: network,
  NFS_TIMEO: network,
  NFS_RETRANS: network,
  NFS_MOUNT_OPTIONS: network,
  NFS_MOUNT_RETRY: network,
  FTP: network,
  FTP_USER: network,
  FTP_PASSWORD: network,
  FTP_PORT: network,
  SSH: network,
  SSH_KEY: network,
};
