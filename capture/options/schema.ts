/** What a capture is to do: baked into the image as data, overridden by `kdumpling.<option>=` on the command line. */

import { CODEC_NAMES, type CodecName } from '../codecs/table.ts';
import { Failure } from '../errors.ts';
import { AMOUNT_PATTERN } from './amount.ts';
import { FSCK_POLICIES, type FsckPolicy, isDeviceName, parseTargetSpec } from './target-spec.ts';

export class OptionError extends Failure {}

export const FINAL_ACTIONS = ['reboot', 'halt', 'poweroff'] as const;
export type FinalAction = (typeof FINAL_ACTIONS)[number];
/** As kdump.conf(5) has it: a shell is for failures, and the final action follows it. */
export const FAILURE_ACTIONS = [...FINAL_ACTIONS, 'shell'] as const;
export type FailureAction = (typeof FAILURE_ACTIONS)[number];

/** Between the program's own deadline and the supervisor's, which goes home over its head. */
export const GRACE_SECONDS = 60;
/** In the image's root, which is memory: what the program tells the supervisor (init/heartbeat.ts, initrd/watch.sh). */
export const PROGRESS_FILE = '/run/progress';

/** A module in the image. */
export const MODULE_PATH = /^\/modules\/[\w.+-]+$/;

export const MAKE_ROOM = ['never', 'oldest'] as const;

/** Immutable once made. The defaults are the program's; see DEFAULT_OPTIONS. */
export interface CaptureOptions {
  /** The file system to write to: `UUID=…`, `LABEL=…`, `PARTUUID=…`, `PARTLABEL=…` or a device path. */
  readonly target: string;
  readonly fstype: string;
  /** The UUID of the file system on a target that is named by its device; empty when it is not known. */
  readonly targetUuid: string;
  /** The host's mount options of the target, as in fstab(5); see storage/device/mount-options.ts. */
  readonly mountOptions: string;
  /** Where to go when the target does not take the dump, in order; see parseTargetSpec in options/target-spec.ts. */
  readonly fallbackTargets: readonly string[];
  readonly fsck: FsckPolicy;
  /** Where dumps go, seen from the root of that file system. */
  readonly path: string;
  /** A capture always compresses. */
  readonly codec: CodecName;
  /** Dump level bits; see filter/dump-level.ts. */
  readonly dumpLevel: number;
  readonly finalAction: FinalAction;
  /** What follows a capture that did not save a complete dump. */
  readonly failureAction: FailureAction;
  /** Seconds without input or output after which the rescue shell ends; 0: never. */
  readonly shellTimeout: number;
  /** After this many seconds since the capture kernel's start the machine goes home, whatever was saved. */
  readonly deadlineSeconds: number;
  /** Seconds in which nothing moves, in any phase, before the supervisor goes home; 0: it waits for the deadline. */
  readonly stallTimeout: number;
  /** `N/M`: after N captures within M minutes the next one saves the kernel log alone; `0`: every crash gets its dump. */
  readonly crashLoop: string;
  /** What a dump leaves free on the target: bytes (`64M`) or a share of the file system (`5%`). */
  readonly keepFree: string;
  /** What may be removed for a dump that has no room: nothing, or the oldest dumps. */
  readonly makeRoom: (typeof MAKE_ROOM)[number];
  /** After a complete dump, so many are kept, the newest; 0: all. */
  readonly keepDumps: number;
  /** After a complete dump, all of them take no more than this, as `keepFree` says it; 0: whatever they take. */
  readonly maxUse: string;
  /** How long to wait for the target's device to appear. */
  readonly deviceTimeoutSeconds: number;
  /** Kernel modules to load before the target can be mounted: paths in the image, in order. */
  readonly modules: readonly string[];
}

export const DEFAULT_OPTIONS: Omit<CaptureOptions, 'target' | 'fstype' | 'modules'> = {
  targetUuid: '',
  mountOptions: '',
  fallbackTargets: [],
  fsck: 'preen',
  path: '/var/crash',
  codec: 'zstd',
  dumpLevel: 31,
  finalAction: 'reboot',
  failureAction: 'reboot',
  shellTimeout: 300,
  deadlineSeconds: 3600,
  stallTimeout: 300,
  crashLoop: '3/10',
  keepFree: '64M',
  makeRoom: 'never',
  keepDumps: 0,
  maxUse: '0',
  deviceTimeoutSeconds: 60,
};

/** A kind of value: what `read` takes, or undefined when it does not. */
interface Kind {
  readonly wanted: string;
  read(value: unknown): unknown;
}

const text = (pattern: RegExp, wanted: string): Kind => ({
  wanted,
  read: value => (typeof value === 'string' && pattern.test(value) ? value : undefined),
});
const oneOf = (choices: readonly string[]): Kind => ({
  wanted: `one of ${choices.join(', ')}`,
  read: value => (typeof value === 'string' && choices.includes(value) ? value : undefined),
});
const integer = (least: number, most: number): Kind => ({
  wanted: `a whole number from ${least} to ${most}`,
  read(value) {
    const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
    const fits = typeof number === 'number' && Number.isInteger(number) && number >= least && number <= most;
    return fits ? number : undefined;
  },
});

const TARGET_LIST: Kind = {
  wanted: "a list of 'FSTYPE DEVICE' (on a command line FSTYPE:DEVICE, by commas)",
  read(value) {
    const list = typeof value === 'string' ? value.split(',').filter(one => one !== '') : value;
    const fits =
      Array.isArray(list) && list.every(one => typeof one === 'string' && parseTargetSpec(one) !== undefined);
    return fits ? list : undefined;
  },
};

/** No blanks, control or format characters: it stands in messages and on a command line. As long as Linux takes it. */
const ABSOLUTE_PATH = /^(?=\/.{0,1023}$)(?!.*\/\.\.?(\/|$))(\/[^\s/\p{C}]{1,255})*\/?$/u;
const AMOUNT = text(AMOUNT_PATTERN, 'bytes like 64M, or a share like 5%');

/** How each option is checked. Names on the command line are these, e.g. `kdumpling.deadlineSeconds=600`. */
const KINDS: Readonly<Record<keyof CaptureOptions, Kind>> = {
  target: {
    wanted: 'UUID=…, LABEL=…, PARTUUID=…, PARTLABEL=… or /dev/…',
    read: value => (typeof value === 'string' && isDeviceName(value) ? value : undefined),
  },
  fstype: text(/^[a-z0-9]+$/, "a file system's name, like ext4, or raw"),
  targetUuid: text(/^[0-9A-Fa-f-]*$/, 'the UUID of a file system'),
  mountOptions: text(/^[\w=,./:@+%-]*$/, 'mount options with commas, as in fstab'),
  fallbackTargets: TARGET_LIST,
  fsck: oneOf(FSCK_POLICIES),
  path: text(ABSOLUTE_PATH, 'an absolute path without . or .., blanks and control characters'),
  codec: oneOf(CODEC_NAMES),
  dumpLevel: integer(0, 31),
  finalAction: oneOf(FINAL_ACTIONS),
  failureAction: oneOf(FAILURE_ACTIONS),
  shellTimeout: integer(0, 7 * 86400),
  deadlineSeconds: integer(10, 7 * 86400),
  stallTimeout: integer(0, 86400),
  crashLoop: text(/^(0|[1-9]\d{0,2}\/[1-9]\d{0,4})$/, 'CAPTURES/MINUTES, like 3/10, or 0 for no guard'),
  keepFree: AMOUNT,
  makeRoom: oneOf(MAKE_ROOM),
  keepDumps: integer(0, 100_000),
  maxUse: AMOUNT,
  deviceTimeoutSeconds: integer(0, 86400),
  modules: {
    wanted: 'a list of modules in the image',
    read: value =>
      Array.isArray(value) && value.every(path => typeof path === 'string' && MODULE_PATH.test(path))
        ? value
        : undefined,
  },
};

/**
 * Checks options that come from outside (the baked file, a command).
 * @throws OptionError that names the option, the value and what was wanted.
 */
export function checkOptions(given: Record<string, unknown>): CaptureOptions {
  const merged: Record<string, unknown> = { ...DEFAULT_OPTIONS, ...given };
  const options: Record<string, unknown> = {};
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(KINDS, name)) throw unknownOption(name, given[name]);
  }
  for (const [name, kind] of Object.entries(KINDS)) options[name] = readOption(name, kind, merged[name]);
  return options as unknown as CaptureOptions;
}

/** One option's value, checked. @throws OptionError as `checkOptions` does. */
export function checkOption<K extends keyof CaptureOptions>(name: K, value: unknown): CaptureOptions[K] {
  return readOption(name, KINDS[name], value) as CaptureOptions[K];
}

/** One option as a person names it, checked. @throws OptionError; also for one that is not a person's to set. */
export function checkNamedOption(name: string, value: unknown): unknown {
  if (name === 'modules' || !Object.hasOwn(KINDS, name)) throw unknownOption(name, value);
  return readOption(name, KINDS[name as keyof CaptureOptions], value);
}

function readOption(name: string, kind: Kind, value: unknown): unknown {
  const read = kind.read(value);
  if (read !== undefined) return read;
  throw new OptionError('BAD_OPTION', {
    action: `use the option ${name}`,
    actual: value === undefined ? 'it is not given' : `its value is ${JSON.stringify(value)}`,
    wanted: kind.wanted,
  });
}

function unknownOption(name: string, value: unknown): OptionError {
  return new OptionError('UNKNOWN_OPTION', {
    action: `use the option ${name}`,
    actual: `there is none of that name (its value is ${JSON.stringify(value)})`,
    wanted: `one of ${Object.keys(KINDS).join(', ')}`,
  });
}
