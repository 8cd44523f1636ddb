/**
 * What the programs that capture dumps leave behind: one row each. The first row counts whose pattern fits the directory's
 * name and one of whose files is in it.
 *
 * kdump-tools: /usr/sbin/kdump-config (KDUMP_STAMPDIR, KDUMP_COREFILE, KDUMP_DMESGFILE). kdump-utils:
 * kdump-lib-initramfs.sh and kdump.sh (save_vmcore_dmesg_fs, dump_fs). SUSE: kdump-save.
 */

import type { ManifestFile } from '../../../capture/storage/manifest.ts';
import { TRIAGE_DUMP } from '../../../capture/storage/policy/dump-state.ts';

export interface Layout {
  readonly madeBy: string;
  /** Of the directory's name. */
  readonly directory: RegExp;
  /** A dump that its program finished, by its name. */
  readonly dump: RegExp;
  readonly incompleteDump: RegExp;
  /** A small dump that its program finished, before the dump or after it. */
  readonly triage?: RegExp;
  readonly log: RegExp;
  readonly incompleteLog?: RegExp;
}

export const KDUMPLING = 'kdumpling';
export const UNKNOWN_PROGRAM = 'another program';

const TRIAGE = new RegExp(`^${TRIAGE_DUMP}$`);
const VMCORE = /^vmcore(\.flat)?$/;
const VMCORE_INCOMPLETE = /^vmcore-incomplete(\.flat)?$/;

export const LAYOUTS: readonly Layout[] = [
  {
    madeBy: KDUMPLING,
    directory: /^\d{8}T\d{6}Z(-\d+)?$/,
    dump: /^vmcore$/,
    incompleteDump: /^vmcore-incomplete$/,
    triage: TRIAGE,
    log: /^vmcore-dmesg\.txt$/,
    incompleteLog: /^vmcore-dmesg-incomplete\.txt$/,
  },
  {
    // 202611281012; HOSTTAG puts the host's address or name before it. The dump is flattened; KDUMP_COMPRESSION adds .gz …
    madeBy: 'kdump-tools',
    directory: /^(.+-)?\d{12}$/,
    dump: /^(dump|vmcore)\.\d{12}(\.\w+)?$/,
    incompleteDump: /^(dump|vmcore)-incomplete(\.\w+)?$/,
    log: /^dmesg\.\d{12}$/,
  },
  {
    // 127.0.0.1-2026-11-28-10:12:13
    madeBy: 'kdump-utils',
    directory: /^.+-\d{4}-\d\d-\d\d-\d\d:\d\d:\d\d$/,
    dump: VMCORE,
    incompleteDump: VMCORE_INCOMPLETE,
    log: /^vmcore-dmesg\.txt$/,
    incompleteLog: /^vmcore-dmesg-incomplete\.txt$/,
  },
  {
    // 2026-11-28-10:12
    madeBy: 'SUSE kdump',
    directory: /^\d{4}-\d\d-\d\d-\d\d:\d\d$/,
    dump: VMCORE,
    incompleteDump: VMCORE_INCOMPLETE,
    log: /^dmesg\.txt$/,
  },
  {
    madeBy: UNKNOWN_PROGRAM,
    directory: /^/,
    dump: /^(vmcore(\.flat)?|(dump|vmcore)\.\d{12}(\.\w+)?)$/,
    incompleteDump: /^((dump|vmcore)-incomplete(\.\w+)?)$/,
    triage: TRIAGE,
    log: /^(vmcore-dmesg\.txt|dmesg\.txt|dmesg\.\d{12})$/,
    incompleteLog: /^vmcore-dmesg-incomplete\.txt$/,
  },
];

export interface LaidOut {
  readonly madeBy: string;
  readonly dump?: string;
  readonly incompleteDump?: string;
  readonly triage?: string;
  readonly log?: string;
}

/**
 * @param present the directory's regular files. Undefined when there is no dump and no log among them. A log that is
 * incomplete counts where there is no finished dump, whose memory has all of it.
 */
export function layOut(directory: string, present: readonly ManifestFile[]): LaidOut | undefined {
  const first = (pattern: RegExp | undefined, leastBytes = 0) =>
    pattern && present.find(({ name, bytes }) => bytes >= leastBytes && pattern.test(name))?.name;
  for (const { madeBy, directory: pattern, ...files } of LAYOUTS) {
    if (!pattern.test(directory)) continue;
    const dump = first(files.dump);
    const incompleteDump = first(files.incompleteDump);
    const triage = first(files.triage, 1);
    const log = first(files.log, 1) ?? (dump === undefined ? first(files.incompleteLog, 1) : undefined);
    if (dump ?? incompleteDump ?? triage ?? log) return { madeBy, dump, incompleteDump, triage, log };
  }
  return undefined;
}
