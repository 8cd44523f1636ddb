/**
 * A capture always mounts the top of all subvolumes of a btrfs (subvolid=5), so that a path means the same directory
 * whichever subvolume is the default one. This converts a path below another subvolume into one from the top.
 */
import { posix } from 'node:path';
import { type CaptureOptions, DEFAULT_OPTIONS } from '../../../capture/options/schema.ts';
import type { Mount } from '../host/mounts.ts';
import { subvolumePath } from './dump-location.ts';

const TOP = 'subvolid=5';
const NAMES_TOP = /^subvolid=[05]$/;
const NAMES_SUBVOLUME = /^subvol(id)?=/;

export interface View {
  /** For the capture. */
  readonly mountOptions: string;
  /** From the top of the file system. */
  readonly path: string;
  /** The subvolume that could not be found, by its option. */
  readonly unknown?: string;
}

/** Mount options that select no subvolume, with the one that selects the top. */
export function fromTop(mountOptions: string): string {
  const others = mountOptions.split(',').filter(option => option !== '' && !NAMES_SUBVOLUME.test(option));
  return [TOP, ...others].join(',');
}

/**
 * @param mountOptions as configured: they may select the subvolume that `path` begins at.
 * @param mounts of this file system, which show the paths of subvolumes that are given by ID.
 */
export function viewFromTop(mountOptions: string, path: string, mounts: readonly Mount[]): View {
  const base = subvolumePath(mountOptions) ?? pathOfId(mountOptions, mounts);
  if (base !== undefined) return { mountOptions: fromTop(mountOptions), path: posix.join(base, path) };
  const unknown = mountOptions.split(',').find(option => option.startsWith('subvolid='));
  return { mountOptions, path, unknown };
}

function pathOfId(mountOptions: string, mounts: readonly Mount[]): string | undefined {
  const id = mountOptions.split(',').findLast(option => option.startsWith('subvolid='));
  if (id === undefined || NAMES_TOP.test(id)) return '/';
  const mount = mounts.find(({ options }) => options.includes(id));
  return mount && subvolumePath(mount.options.join(','));
}

/** The options of an image for a machine whose mounts are not known; none for other file systems than btrfs. */
export function captureView(fstype: string, options: Partial<CaptureOptions> = {}): Partial<CaptureOptions> {
  if (fstype !== 'btrfs') return {};
  const { mountOptions = '', path = DEFAULT_OPTIONS.path } = options;
  const view = viewFromTop(mountOptions, path, []);
  return { mountOptions: view.mountOptions, path: view.path };
}
