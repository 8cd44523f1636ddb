/**
 * What each option of the capture means, for the manual page kdumpling-capture(7). The image does not hold this: the
 * capture itself never needs it.
 */
import { FILE_SYSTEM_NAMES } from './file-systems.ts';
import type { CaptureOptions } from './schema.ts';

/** An option that nobody sets by hand has none. */
export const OPTION_MEANINGS: Readonly<Record<Exclude<keyof CaptureOptions, 'modules'>, string>> = {
  target:
    'The file system to write to: `UUID=…`, `LABEL=…`, `PARTUUID=…`, `PARTLABEL=…`, `/dev/…`, or a link below `/dev/disk/by-path` (or `by-uuid`, `by-label`, `by-partuuid`, `by-partlabel`).',
  fstype: `The type of that file system: ${FILE_SYSTEM_NAMES.map(name => `\`${name}\``).join(', ')}.`,
  targetUuid:
    'The UUID of the file system on a target that is named by its device. It finds the file system when another disk has taken the device’s name.',
  mountOptions:
    'The host’s mount options of the target. `errors=`, `data=`, `subvol=`, `subvolid=`, `logdev=` and the other options that a mount needs are kept; options that are useless or dangerous in a capture are left out.',
  fallbackTargets:
    'Where to go, in this order, when the target does not take the dump: `ext4 UUID=…`. On a command line: `ext4:UUID=…,xfs:LABEL=…`.',
  fsck: '`preen`: `e2fsck -p` repairs an ext4 target that has errors or does not mount. `never`: nothing is repaired.',
  path: 'The dump directory, below the root of the target’s file system.',
  codec: 'How pages are compressed: `zstd` (with frame checksums), `zlib`, `lzo`, `snappy`.',
  dumpLevel:
    'Which pages are left out, as a sum: 1 zero, 2 non-private cache, 4 private cache, 8 user data, 16 free.',
  finalAction: 'What follows a complete dump: `reboot`, `halt`, `poweroff`.',
  failureAction:
    'What follows anything else: `reboot`, `halt`, `poweroff`, or `shell`, a rescue shell that `finalAction` follows.',
  shellTimeout: 'Seconds without input or output after which the rescue shell ends. `0`: never.',
  deadlineSeconds: 'Seconds since the crash kernel’s start after which the capture ends, whatever was saved.',
  stallTimeout:
    'Seconds without progress, in any phase, after which the supervisor reboots. `0`: only the deadline counts.',
  crashLoop:
    '`N/M`: after N captures within M minutes, the next crash gets no dump: its kernel log and autopsy are saved. `0`: every crash gets a dump.',
  keepFree: 'What a dump leaves free on the target: bytes (`64M`), or a share of the file system (`5%`).',
  makeRoom:
    'What may be deleted for a dump that does not fit: nothing (`never`), or the oldest dumps (`oldest`), but never the newest complete one.',
  keepDumps: 'How many dumps stay after a complete one; the newest stay. `0`: all of them.',
  maxUse:
    'How much all dumps may take after a complete one; the oldest are deleted. In bytes or as a share, as in `keepFree`. `0`: no limit.',
  autopsy:
    '`yes`: before the dump is made, or on another CPU while it is, stacks, tasks and locks of the crashed kernel are written to `autopsy.txt` and `autopsy.json`, where 48 MiB of memory are available. `no`: never.',
  triage:
    '`yes`: before or after the dump, some thousand pages are written to `vmcore-triage` (1 to 3 MB), with which crash and drgn show log, tasks, stacks and modules. `tables`: with those that stand in for debug symbols (4 to 9 MB). `no`: never. Its pages are chosen together with the autopsy.',
  deviceTimeoutSeconds: 'Seconds to wait for the target’s device to appear.',
};
