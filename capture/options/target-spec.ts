/** How a target is named, in options and in kdump.conf alike. */

/** One place that dumps may go to. */
export interface TargetSpec {
  /** A file system that we can write to, or `raw`: a partition of our own, without one. */
  readonly fstype: string;
  /** `UUID=…`, `LABEL=…`, `PARTUUID=…`, `PARTLABEL=…` or a path below /dev. */
  readonly device: string;
  /** The host's mount options, as in fstab(5). */
  readonly mountOptions: string;
  /** The file system's UUID where it is known beside a device's name, which may be another device's today. */
  readonly uuid?: string;
}

/** Whether a file system that needs it is repaired, as far as that is safe without a question, before it is written to. */
export const FSCK_POLICIES = ['never', 'preen'] as const;
export type FsckPolicy = (typeof FSCK_POLICIES)[number];

/** `FSTYPE DEVICE [MOUNT-OPTIONS]`; on a kernel command line `FSTYPE:DEVICE`. */
export function parseTargetSpec(text: string): TargetSpec | undefined {
  const match = /^([a-z0-9]+)[ :](\S+)(?: (\S+))?$/.exec(text);
  if (!match || !isDeviceName(match[2])) return undefined;
  return { fstype: match[1], device: match[2], mountOptions: match[3] ?? '' };
}

const TAG_NAME = /^(UUID=[0-9A-Fa-f-]+|PARTUUID=[0-9A-Fa-f-]+|(PART)?LABEL=[^\s,/]+)$/;
const DEVICE_PATH = /^\/dev(\/[\w.:+@=#\\-]+)+$/;

/** What an option may name a device by. */
export function isDeviceName(text: string): boolean {
  return TAG_NAME.test(text) || (DEVICE_PATH.test(text) && !/\/\.\.?(\/|$)/.test(text));
}
