/**
 * The directives of /etc/kdump.conf as data: kdump.conf(5)'s own, and ours for what that lacks. The README's table and
 * the checks are made from this. A new option of the capture needs one row: `captureOption(directive, option, text)`.
 */
import { FILE_SYSTEM_NAMES } from '../../../capture/options/file-systems.ts';
import { type CaptureOptions, checkOption } from '../../../capture/options/schema.ts';
import { LAYOUTS, type Layout } from '../../../initrd/image.ts';
import { checkUrl } from '../cli/destination.ts';
import { readCollector } from './collector.ts';
import { ConfigError } from './errors.ts';

/** What the file says: options of the capture, and what concerns the host alone. */
export interface Settings {
  readonly options: Partial<CaptureOptions>;
  /** Kernel modules for the image beside those that are found. */
  readonly extraModules: readonly string[];
  readonly layout: Layout;
  /** Where the report of a crash is posted on the boot after it. */
  readonly notifyUrl?: string;
}

export const NO_SETTINGS: Settings = { options: {}, extraModules: [], layout: 'self-contained' };

export interface Directive {
  readonly name: string;
  /** For the README and messages: what follows the name. */
  readonly value: string;
  readonly does: string;
  /** Given more than once, the values add up. */
  readonly repeatable?: true;
  /** Of those that share a slot only one may be given. */
  readonly slot?: string;
  /** @throws Failure whose message says what was wanted. */
  apply(value: string, settings: Settings): Settings;
}

/** A directive that is an option of the capture: its value is checked as the option's is. */
function captureOption(
  name: string,
  option: keyof CaptureOptions,
  value: string,
  does: string,
  slot?: string,
): Directive {
  return {
    name,
    value,
    does,
    slot,
    apply: (text, settings) => withOptions(settings, { [option]: checkOption(option, text) }),
  };
}

export const DIRECTIVES: readonly Directive[] = [
  ...FILE_SYSTEM_NAMES.map(fileSystemTarget),
  captureOption(
    'path',
    'path',
    'DIRECTORY',
    'where dumps go; below the root of the target that is named, else of the machine (`/var/crash`)',
  ),
  {
    name: 'core_collector',
    value: 'makedumpfile FLAGS',
    does: '`-d N` is the dump level (31); `-z`, `-l`, `-p`, `-c` the codec (zstd). Dumps are always compressed; what has no effect here is let pass, what cannot be done (`-E`, `-F`) is refused',
    apply: (text, settings) => withOptions(settings, readCollector(text)),
  },
  captureOption(
    'final_action',
    'finalAction',
    'ACTION',
    'after a complete dump: `reboot`, `halt`, `poweroff`',
  ),
  captureOption(
    'failure_action',
    'failureAction',
    'ACTION',
    'after anything else: these, or `shell`, which the final action follows',
    'failure_action',
  ),
  captureOption('default', 'failureAction', 'ACTION', 'the old name of `failure_action`', 'failure_action'),
  captureOption(
    'deadline',
    'deadlineSeconds',
    'SECONDS',
    'since the crash kernel’s start; then the machine goes home whatever was saved',
  ),
  {
    name: 'fallback_target',
    value: 'FSTYPE DEVICE',
    does: 'where dumps go when the target does not take them; more than one, in order: `fallback_target xfs LABEL=spare`',
    repeatable: true,
    apply: (text, settings) =>
      withOptions(settings, {
        fallbackTargets: [
          ...(settings.options.fallbackTargets ?? []),
          ...checkOption('fallbackTargets', text),
        ],
      }),
  },
  captureOption(
    'mount_options',
    'mountOptions',
    'LIST',
    'the host’s mount options of the target, as in fstab; of them a capture takes what it needs',
  ),
  captureOption(
    'fsck',
    'fsck',
    'POLICY',
    'an ext4 target that has errors or does not mount: `preen` it (`e2fsck -p`), or `never`',
  ),
  captureOption(
    'stall_timeout',
    'stallTimeout',
    'SECONDS',
    'in which nothing moves, in any phase; then the machine goes home. `0`: only the deadline counts',
  ),
  captureOption(
    'shell_timeout',
    'shellTimeout',
    'SECONDS',
    'without input or output after which the shell of `failure_action` ends. `0`: never',
  ),
  captureOption(
    'crash_loop',
    'crashLoop',
    'N/MINUTES',
    'after N captures within so many minutes the next one saves the kernel log alone (`3/10`). `0`: every crash gets its dump',
  ),
  captureOption(
    'keep_free',
    'keepFree',
    'SIZE',
    'what a dump leaves free on the target: `64M` (the default), `5%`, `0`',
  ),
  captureOption(
    'make_room',
    'makeRoom',
    'POLICY',
    'a dump that has no room even tightened: `never` (the default) removes another one for it; `oldest` removes the oldest, never the newest complete one',
  ),
  captureOption(
    'keep_dumps',
    'keepDumps',
    'N',
    'after a complete dump, the newest N stay; 0 (the default): all',
  ),
  captureOption(
    'max_use',
    'maxUse',
    'SIZE',
    'after a complete dump, the oldest go until all take no more than this: `10G`, `10%`; 0 (the default): no limit',
  ),
  captureOption('device_timeout', 'deviceTimeoutSeconds', 'SECONDS', 'how long to wait for the disk'),
  {
    name: 'extra_modules',
    value: 'MODULE…',
    does: 'kernel modules for the initrd beside those that are found',
    repeatable: true,
    apply: (text, settings) => ({
      ...settings,
      extraModules: [...settings.extraModules, ...readModules(text)],
    }),
  },
  {
    name: 'layout',
    value: 'NAME',
    does: 'where the Node of a capture lies: `self-contained`, in the initrd (the default), or `lean`, on the target, which must be the file system that holds `/usr`; a smaller reservation will do',
    apply: (text, settings) => ({ ...settings, layout: readLayout(text) }),
  },
  {
    name: 'notify_url',
    value: 'URL',
    does: 'the JSON report of a crash is posted there on the boot after it; `@FILE` holds the URL',
    apply(text, settings) {
      if (!text.startsWith('@')) checkUrl(text);
      return { ...settings, notifyUrl: text };
    },
  },
];

function fileSystemTarget(fstype: string): Directive {
  return {
    name: fstype,
    value: 'DEVICE',
    does: `dumps go to this file system: \`UUID=…\`, \`LABEL=…\` or \`/dev/…\``,
    slot: 'target',
    apply: (text, settings) => withOptions(settings, { fstype, target: checkOption('target', text) }),
  };
}

function withOptions(settings: Settings, options: Partial<CaptureOptions>): Settings {
  return { ...settings, options: { ...settings.options, ...options } };
}

function readLayout(text: string): Layout {
  const layout = LAYOUTS.find(name => name === text);
  if (layout) return layout;
  throw badValue(text, LAYOUTS.join(' or '));
}

function readModules(text: string): string[] {
  const names = text.split(/\s+/);
  if (names.every(name => /^[\w-]+$/.test(name))) return names;
  throw badValue(text, 'names of kernel modules');
}

function badValue(text: string, wanted: string): ConfigError {
  return new ConfigError('BAD_VALUE', {
    action: 'use it',
    actual: `its value is "${text}"`,
    wanted,
  });
}
