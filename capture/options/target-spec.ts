/** How a target is named: the same syntax in capture options and in kdump.conf. */
import { optionModules } from './file-systems.ts';

/** One place that dumps may go to. */
export type TargetSpec = FileSystemTarget | PartitionTarget;

export interface FileSystemTarget {
  readonly kind: 'file system';
  readonly fstype: string;
  /** `UUID=…`, `LABEL=…`, `PARTUUID=…`, `PARTLABEL=…` or a path below /dev. */
  readonly device: string;
  /** The host's mount options, as in fstab(5). */
  readonly mountOptions: string;
  /** The file system's UUID where it is known beside a device's name, which may be another device's after a reboot. */
  readonly uuid?: string;
}

/** A partition without a file system, marked by `kdumpling recover --mark`. */
export interface PartitionTarget {
  readonly kind: 'partition';
  readonly device: string;
}

/** Takes the place of a file system's name where a partition without one is meant. */
const PARTITION_WORD = 'raw';

/** Whether a damaged file system is repaired before it is written to, as far as that needs no decision. */
export const FSCK_POLICIES = ['never', 'preen'] as const;
export type FsckPolicy = (typeof FSCK_POLICIES)[number];

/** `FSTYPE DEVICE [MOUNT-OPTIONS]`; on a kernel command line `FSTYPE:DEVICE`. */
export function parseTargetSpec(text: string): TargetSpec | undefined {
  const match = /^([a-z0-9]+)[ :](\S+)(?: (\S+))?$/.exec(text);
  if (!match || !isDeviceName(match[2])) return undefined;
  return targetSpec(match[1], match[2], match[3]);
}

/** @param fstype a file system's name, or `raw`. */
export function targetSpec(fstype: string, device: string, mountOptions = '', uuid?: string): TargetSpec {
  if (fstype === PARTITION_WORD) return { kind: 'partition', device };
  return { kind: 'file system', fstype, device, mountOptions, ...(uuid ? { uuid } : {}) };
}

/** The names of the file systems among the targets, each once. */
export function fileSystemsOf(specs: readonly TargetSpec[]): string[] {
  return [...new Set(specs.flatMap(spec => (spec.kind === 'file system' ? [spec.fstype] : [])))];
}

/** The modules without which the targets do not mount with these options. */
export function optionModulesOf(specs: readonly TargetSpec[]): string[] {
  return specs.flatMap(spec =>
    spec.kind === 'file system' ? optionModules(spec.fstype, spec.mountOptions) : [],
  );
}

const TAG_NAME = /^(UUID=[0-9A-Fa-f-]+|PARTUUID=[0-9A-Fa-f-]+|(PART)?LABEL=[^\s,/]+)$/;
const DEVICE_PATH = /^\/dev(\/[\w.:+@=#\\-]+)+$/;

/** Whether an option may name a device like this. */
export function isDeviceName(text: string): boolean {
  return TAG_NAME.test(text) || (DEVICE_PATH.test(text) && !/\/\.\.?(\/|$)/.test(text));
}
