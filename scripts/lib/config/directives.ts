/**
 * The directives of /etc/kdump.conf as data: those of kdump.conf(5), and kdumpling's own for what it lacks. The manual
 * and the parser use this list. A new capture option needs one row: `captureOption(directive, option, …)`.
 */
import { FILE_SYSTEM_NAMES } from '../../../capture/options/file-systems.ts';
import { type CaptureOptions, checkOption } from '../../../capture/options/schema.ts';
import type { CommandLineChanges } from '../../../initrd/command-changes.ts';
import { parseCommandLine } from '../../../initrd/command-words.ts';
import { LAYOUTS, type Layout } from '../../../initrd/layouts.ts';
import { checkUrl } from '../cli/destination.ts';
import { readCollector } from './collector.ts';
import { ConfigError } from './errors.ts';

/** What the file sets: options of the capture, and settings of the host alone. */
export interface Settings {
  readonly options: Partial<CaptureOptions>;
  /** Kernel modules for the image, in addition to those that are detected. */
  readonly extraModules: readonly string[];
  readonly layout: Layout;
  /** Whether a part of the reservation may be lent to processes until the crash; `auto` if undefined. */
  readonly crashkernelCma?: (typeof CMA_POLICIES)[number];
  /** Undefined if the file does not change the crash kernel's command line. */
  readonly commandLine?: CommandLineChanges;
  /** Where the report of a crash is posted at the next boot. */
  readonly notifyUrl?: string;
}

const CMA_POLICIES = ['auto', 'never'] as const;

export const NO_SETTINGS: Settings = { options: {}, extraModules: [], layout: 'self-contained' };

export interface Directive {
  readonly name: string;
  /** What follows the name, for the manual and messages. */
  readonly value: string;
  readonly does: string;
  /** May be given more than once; the values add up. */
  readonly repeatable?: true;
  /** Only one of the directives with the same slot may be given. */
  readonly slot?: string;
  /** The value may have double quotes, which other values may not. */
  readonly takesQuotes?: true;
  /** @throws Failure that says what is wrong with the value. */
  apply(value: string, settings: Settings): Settings;
}

/** A directive that sets a capture option: its value is checked like the option's. */
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
    'directory for dumps (`/var/crash`), from the root of the named target, or of the machine if no target is named',
  ),
  {
    name: 'core_collector',
    value: 'makedumpfile FLAGS',
    does: '`-d N` sets the dump level (31); `-z`, `-l`, `-p`, `-c` set the codec (zstd). Dumps are always compressed. Flags without effect are accepted; flags that cannot be honored (`-E`, `-F`) are refused',
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
    'after any other outcome: one of these, or `shell`, after which the final action follows',
    'failure_action',
  ),
  captureOption('default', 'failureAction', 'ACTION', 'the old name of `failure_action`', 'failure_action'),
  captureOption(
    'deadline',
    'deadlineSeconds',
    'SECONDS',
    'time limit from the start of the crash kernel; then the machine reboots, whatever was saved',
  ),
  {
    name: 'fallback_target',
    value: 'FSTYPE DEVICE',
    does: 'where dumps go if the target fails, for example `fallback_target xfs LABEL=spare`; may be repeated, tried in order',
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
    'the mount options of the target on the host, as in fstab; the capture uses those that it needs',
  ),
  captureOption(
    'fsck',
    'fsck',
    'POLICY',
    'repair an ext4 target that has errors or cannot be mounted: `preen` (`e2fsck -p`, the default) or `never`',
  ),
  captureOption(
    'stall_timeout',
    'stallTimeout',
    'SECONDS',
    'reboot after this long without progress, in any phase. `0`: only the deadline counts',
  ),
  captureOption(
    'shell_timeout',
    'shellTimeout',
    'SECONDS',
    'the shell of `failure_action` ends after this long without input or output. `0`: never',
  ),
  captureOption(
    'crash_loop',
    'crashLoop',
    'N/MINUTES',
    'after N captures within MINUTES, the next crash gets no dump, only its kernel log and autopsy are saved (`3/10`). `0`: every crash gets a dump',
  ),
  captureOption(
    'keep_free',
    'keepFree',
    'SIZE',
    'space that a dump leaves free on the target: `64M` (the default), `5%`, `0`',
  ),
  captureOption(
    'make_room',
    'makeRoom',
    'POLICY',
    'for a dump that does not fit even at the tightest level: `never` (the default) deletes no existing dump to make room; `oldest` deletes the oldest, but never the newest complete one',
  ),
  captureOption(
    'keep_dumps',
    'keepDumps',
    'N',
    'after a complete dump, keep the newest N. 0 (the default): all',
  ),
  captureOption(
    'max_use',
    'maxUse',
    'SIZE',
    'after a complete dump, delete the oldest until all dumps take no more than this: `10G`, `10%`. 0 (the default): no limit',
  ),
  captureOption(
    'autopsy',
    'autopsy',
    'yes or no',
    'whether the capture writes the stacks, tasks and locks of the crashed kernel beside the dump, before or while it makes the dump: `yes` (the default, where the memory is enough) or `no`',
  ),
  captureOption(
    'triage',
    'triage',
    'yes, tables or no',
    'whether the capture makes a small dump, `vmcore-triage`, beside the dump: `yes` (the default: 1 to 3 MB, for crash and drgn with debug symbols), `tables` (4 to 9 MB, with what stands in for debug symbols, for `kdumpling bt`), or `no`. It needs the `autopsy`',
  ),
  captureOption('device_timeout', 'deviceTimeoutSeconds', 'SECONDS', 'how long to wait for the disk'),
  {
    name: 'extra_modules',
    value: 'MODULE…',
    does: 'further kernel modules for the initrd, in addition to those that are detected',
    repeatable: true,
    apply: (text, settings) => ({
      ...settings,
      extraModules: [...settings.extraModules, ...readModules(text)],
    }),
  },
  {
    name: 'layout',
    value: 'NAME',
    does: 'where the capture finds Node: `self-contained` (the default), in the initrd, but for code that no capture was seen to need, where the target has the package’s `/usr/lib/kdumpling/runtime.squashfs` to find it in; `lean`, on the target, which must then be the file system of `/usr`, and which needs a smaller reservation',
    apply: (text, settings) => ({ ...settings, layout: readLayout(text) }),
  },
  {
    name: 'command_line_append',
    value: 'WORDS',
    does: 'words for the crash kernel’s command line, for example `nr_cpus=1`, instead of as many CPUs as there is memory for. They are put last, are never left out, and replace words of the same name that kdumpling adds; may be repeated',
    repeatable: true,
    takesQuotes: true,
    apply: (text, settings) => withCommandLine(settings, { append: readWords('command_line_append', text) }),
  },
  {
    name: 'command_line_remove',
    value: 'WORDS',
    does: 'words that the crash kernel’s command line must not have, as names (`nvme_core.*`) or with their value (`console=tty0`), whether they come from the running kernel’s command line or from kdumpling; may be repeated',
    repeatable: true,
    takesQuotes: true,
    apply: (text, settings) => withCommandLine(settings, { remove: readWords('command_line_remove', text) }),
  },
  {
    name: 'crashkernel_cma',
    value: 'POLICY',
    does: '`auto` (the default): where the kernel can (Linux 6.17, x86-64) and the dump level leaves out cache and user pages, `kdumpling enable` reserves the smaller part of the memory for the crash kernel alone and lends the rest to processes until a crash, after which the kernel waits 10 s before the capture. `never`: nothing is lent',
    apply(text, settings) {
      const crashkernelCma = CMA_POLICIES.find(policy => policy === text);
      if (crashkernelCma) return { ...settings, crashkernelCma };
      throw badValue('crashkernel_cma', text, CMA_POLICIES.join(' or '));
    },
  },
  {
    name: 'auto_reset_crashkernel',
    value: 'yes or no',
    does: 'accepted because Fedora’s default file has it, and without effect: only `kdumpling enable` changes `crashkernel=`',
    apply(text, settings) {
      if (['yes', 'no'].includes(text)) return settings;
      throw badValue('auto_reset_crashkernel', text, 'yes or no');
    },
  },
  {
    name: 'notify_url',
    value: 'URL',
    does: 'the JSON report of a crash is posted to this URL at the next boot; `@FILE` names a file that holds the URL. A path with `{hive}` is an object store: the report is put there as `date=…/signature=…/HOST-ID.json`',
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

function withCommandLine(settings: Settings, changes: Partial<CommandLineChanges>): Settings {
  const { append = [], remove = [] } = settings.commandLine ?? {};
  return {
    ...settings,
    commandLine: {
      append: [...append, ...(changes.append ?? [])],
      remove: [...remove, ...(changes.remove ?? [])],
    },
  };
}

/** Words of a kernel command line. What follows `--` would not reach the kernel, and an open quote would swallow words. */
function readWords(directive: string, text: string): string[] {
  const { words, hasDashes } = parseCommandLine(text);
  if (!hasDashes && words.every(({ isClosed }) => isClosed)) return words.map(word => word.text);
  throw badValue(directive, text, 'kernel parameters, without -- and with each quote closed');
}

function readLayout(text: string): Layout {
  const layout = LAYOUTS.find(name => name === text);
  if (layout) return layout;
  throw badValue('layout', text, LAYOUTS.join(' or '));
}

function readModules(text: string): string[] {
  const names = text.split(/\s+/);
  if (names.every(name => /^[\w-]+$/.test(name))) return names;
  throw badValue('extra_modules', text, 'names of kernel modules');
}

function badValue(directive: string, text: string, wanted: string): ConfigError {
  return new ConfigError('BAD_VALUE', {
    action: `use ${directive}`,
    actual: `its value is "${text}"`,
    wanted,
  });
}
