/** The options of a capture: stored in the image as data, overridden by `kdumpling.<option>=` on the command line. */

import { CODEC_NAMES, type CodecName } from '../codecs/table.ts';
import { Failure } from '../errors.ts';
import { AMOUNT_PATTERN } from './amount.ts';
import { FSCK_POLICIES, type FsckPolicy, isDeviceName, parseTargetSpec } from './target-spec.ts';

export class OptionError extends Failure {}

export const FINAL_ACTIONS = ['reboot', 'halt', 'poweroff'] as const;
export type FinalAction = (typeof FINAL_ACTIONS)[number];
/** As in kdump.conf(5): only a failure opens a shell, and the final action follows it. */
export const FAILURE_ACTIONS = [...FINAL_ACTIONS, 'shell'] as const;
export type FailureAction = (typeof FAILURE_ACTIONS)[number];

/** How long after the program's own deadline the supervisor reboots the machine. */
export const GRACE_SECONDS = 60;
/** The program's progress for the supervisor (init/heartbeat.ts, initrd/watch.sh), in the image's root, which is memory. */
export const PROGRESS_FILE = '/run/progress';

/** A module in the image. */
export const MODULE_PATH = /^\/modules\/[\w.+-]+$/;

export const TRIAGES = ['yes', 'tables', 'no'] as const;
export const MAKE_ROOM = ['never', 'oldest'] as const;
export const YES_OR_NO = ['yes', 'no'] as const;

/** Immutable once made. The defaults are the program's; see DEFAULT_OPTIONS. */
export interface CaptureOptions {
  /** The file system to write to: `UUID=…`, `LABEL=…`, `PARTUUID=…`, `PARTLABEL=…` or a device path. */
  readonly target: string;
  readonly fstype: string;
  /** The UUID of the file system on a target that is named by its device; empty when it is not known. */
  readonly targetUuid: string;
  /** The host's mount options of the target, as in fstab(5); see storage/device/mount-options.ts. */
  readonly mountOptions: string;
  /** Targets to try in order when the first one does not take the dump; see parseTargetSpec in options/target-spec.ts. */
  readonly fallbackTargets: readonly string[];
  readonly fsck: FsckPolicy;
  /** The dump directory, relative to the root of that file system. */
  readonly path: string;
  /** A capture always compresses. */
  readonly codec: CodecName;
  /** Dump level bits; see filter/dump-level.ts. */
  readonly dumpLevel: number;
  readonly finalAction: FinalAction;
  /** Follows a capture that did not save a complete dump. */
  readonly failureAction: FailureAction;
  /** The rescue shell ends after this many seconds without input or output; 0: never. */
  readonly shellTimeout: number;
  /** The machine reboots this many seconds after the capture kernel's start, whatever was saved. */
  readonly deadlineSeconds: number;
  /** The supervisor reboots after this many seconds without progress, in any phase; 0: only at the deadline. */
  readonly stallTimeout: number;
  /** `N/M`: after N captures within M minutes the next one saves the kernel log alone; `0`: every crash gets its dump. */
  readonly crashLoop: string;
  /** What a dump leaves free on the target: bytes (`64M`) or a share of the file system (`5%`). */
  readonly keepFree: string;
  /** What may be deleted to make room for a dump: nothing, or the oldest dumps. */
  readonly makeRoom: (typeof MAKE_ROOM)[number];
  /** After a complete dump, this many are kept, the newest ones; 0: all. */
  readonly keepDumps: number;
  /** After a complete dump, old ones are removed until all take at most this much (the format of `keepFree`); 0: no limit. */
  readonly maxUse: string;
  /** Whether stacks and tasks are read before or while the dump is made, where there is memory for it. */
  readonly autopsy: (typeof YES_OR_NO)[number];
  /** Whether a triage dump is made beside the dump; `tables`: with what stands in for debug symbols. */
  readonly triage: (typeof TRIAGES)[number];
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
  autopsy: 'yes',
  triage: 'yes',
  deviceTimeoutSeconds: 60,
};

/** A kind of value. `read` returns the value converted, or undefined for an invalid one. */
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

/** No blanks, control or format characters, because it appears in messages and on a command line. Lengths are Linux's limits. */
const ABSOLUTE_PATH = /^(?=\/.{0,1023}$)(?!.*\/\.\.?(\/|$))(\/[^\s/\p{C}]{1,255})*\/?$/u;
const AMOUNT = text(AMOUNT_PATTERN, 'bytes like 64M, or a share like 5%');

/** How each option is checked. The names are those on the command line, e.g. `kdumpling.deadlineSeconds=600`. */
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
  autopsy: oneOf(YES_OR_NO),
  triage: oneOf(TRIAGES),
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
 * @throws OptionError that names the option, its value and what was expected.
 */
export function checkOptions(given: Record<string, unknown>): CaptureOptions {
  if (typeof given !== 'object' || given === null || Array.isArray(given)) {
    throw new OptionError('BAD_OPTIONS', {
      action: 'use the options',
      actual: `they are ${shown(given)}`,
      wanted: 'an object',
    });
  }
  const merged: Record<string, unknown> = { ...DEFAULT_OPTIONS, ...given };
  const options: Record<string, unknown> = {};
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(KINDS, name)) throw unknownOption(name, given[name]);
  }
  for (const [name, kind] of Object.entries(KINDS)) options[name] = readOption(name, kind, merged[name]);
  return options as unknown as CaptureOptions;
}

/** Checks one option's value. @throws OptionError as `checkOptions` does. */
export function checkOption<K extends keyof CaptureOptions>(name: K, value: unknown): CaptureOptions[K] {
  return readOption(name, KINDS[name], value) as CaptureOptions[K];
}

/** Checks one option that a user names. @throws OptionError, also for an option that users cannot set. */
export function checkNamedOption(name: string, value: unknown): unknown {
  if (name === 'modules' || !Object.hasOwn(KINDS, name)) throw unknownOption(name, value);
  return readOption(name, KINDS[name as keyof CaptureOptions], value);
}

function readOption(name: string, kind: Kind, value: unknown): unknown {
  const read = kind.read(value);
  if (read !== undefined) return read;
  throw new OptionError('BAD_OPTION', {
    action: `use the option ${name}`,
    actual: value === undefined ? 'it is not given' : `its value is ${shown(value)}`,
    wanted: kind.wanted,
  });
}

function unknownOption(name: string, value: unknown): OptionError {
  return new OptionError('UNKNOWN_OPTION', {
    action: `use the option ${name}`,
    actual: `there is no such option (its value is ${shown(value)})`,
    wanted: `one of ${Object.keys(KINDS).join(', ')}`,
  });
}

const MOST_SHOWN_CHARS = 200;

/** For a message. JSON.stringify recurses, and what comes from outside may be nested without end. */
function shown(value: unknown): string {
  try {
    const text = JSON.stringify(value);
    return text.length > MOST_SHOWN_CHARS ? `${text.slice(0, MOST_SHOWN_CHARS)}…` : text;
  } catch {
    return 'nested too deeply to show';
  }
}
