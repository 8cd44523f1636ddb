/** The autopsy of a dump on this machine: what its memory says, and its kernel log. A part that cannot be read says why. */
import { join } from 'node:path';
import {
  AUTOPSY_FORMAT,
  AUTOPSY_JSON,
  type Autopsy,
  type AutopsyLog,
  isMissing,
  type Part,
} from '../../../capture/autopsy/summary/autopsy.ts';
import { readMemoryMap } from '../../../capture/autopsy/summary/memory-map.ts';
import { readKernelParts } from '../../../capture/autopsy/summary/read.ts';
import { attempt, describeError } from '../../../capture/errors.ts';
import { crashOf } from '../../../capture/kernel/crash.ts';
import { readRegular } from '../../../capture/storage/place/open-regular.ts';
import { parseAutopsy } from '../dumps/autopsy-schema.ts';
import { standInNote } from '../dumps/choose-file.ts';
import type { Dump } from '../dumps/dump.ts';
import { type OpenKernelFile, openKernelFile } from '../dumps/open-kernel.ts';
import type { Host } from '../host/host.ts';
import { logLines } from './log-lines.ts';

/** For a page; the dump has all of them. */
const MOST_LOG_LINES = 600;

/** More than a capture writes. */
const MOST_JSON_BYTES = 4 << 20;

export interface ReadAutopsy {
  readonly autopsy: Autopsy;
  /** The dump's memory, or what the capture wrote beside it. */
  readonly from: 'memory' | 'autopsy';
  /** Which file of the dump was read, where it is not the one that a complete dump has, and why; a sentence each. */
  readonly notes: readonly string[];
}

/**
 * From the dump, or where that has no stack, from the autopsy that the capture wrote before it. Never throws.
 * @param log its kernel log as text.
 * @param withMap for a picture of the memory, which reads the whole memmap.
 */
export function readAutopsy(host: Host, dump: Dump, log: string, withMap: boolean): ReadAutopsy {
  const logPart = logOf(log);
  const { autopsy, notes } = fromDump(host, dump, logPart, withMap);
  if (!isMissing(autopsy.crash)) return { autopsy, from: 'memory', notes };
  const saved = savedAutopsy(host, dump);
  if (!saved) return { autopsy, from: 'memory', notes };
  return { autopsy: { ...saved, memory: autopsy.memory, log: logPart }, from: 'autopsy', notes };
}

/** What the capture wrote; undefined where it did not, or where that makes no sense. */
function savedAutopsy(host: Host, { directory, files }: Dump): Autopsy | undefined {
  if (!files.some(({ name }) => name === AUTOPSY_JSON)) return undefined;
  const bytes = attempt(() => readRegular(host.entry(join(directory, AUTOPSY_JSON)), MOST_JSON_BYTES));
  return bytes && parseAutopsy(bytes.toString('utf8'));
}

interface DumpAutopsy extends Pick<ReadAutopsy, 'autopsy' | 'notes'> {}

function fromDump(host: Host, dump: Dump, logPart: Part<AutopsyLog>, withMap: boolean): DumpAutopsy {
  if (dump.dumpFile === undefined) return { autopsy: withoutMemory('there is no dump', logPart), notes: [] };
  try {
    const file = openKernelFile(host, dump, `read the memory of dump ${dump.id}`);
    try {
      return { autopsy: autopsyOf(file, logPart, withMap), notes: file.notes };
    } finally {
      file.close();
    }
  } catch (error) {
    const note = standInNote(dump);
    return {
      autopsy: withoutMemory(describeError(error), logPart),
      notes: note === undefined ? [] : [note],
    };
  }
}

function autopsyOf({ vmcore, kernel }: OpenKernelFile, log: Part<AutopsyLog>, withMap: boolean): Autopsy {
  const crash = crashOf(vmcore);
  const { release, nodename } = crash.utsname;
  const isOpen = !(kernel instanceof Error);
  return {
    ...withoutMemory(isOpen ? '' : describeError(kernel), log),
    ...(isOpen && readKernelParts(kernel)),
    kernel: { release, nodename },
    memory: withMap ? part(() => readMemoryMap(crash)) : { missing: 'it was not asked for' },
  };
}

function part<T>(read: () => T): Part<T> {
  try {
    return read();
  } catch (error) {
    return { missing: describeError(error) };
  }
}

function withoutMemory(why: string, log: Part<AutopsyLog>): Autopsy {
  const missing = { missing: why };
  return {
    format: AUTOPSY_FORMAT,
    kernel: {},
    crash: missing,
    cpus: missing,
    stacks: missing,
    waits: missing,
    modules: missing,
    taints: missing,
    memory: missing,
    meminfo: missing,
    log,
  };
}

function logOf(log: string): Part<AutopsyLog> {
  const lines = logLines(log);
  if (lines.length === 0) return { missing: 'there is no kernel log' };
  const shown = lines.slice(-MOST_LOG_LINES);
  return {
    lines: shown.map(({ seconds, text }) => ({ ...(seconds !== undefined && { seconds }), text })),
    earlier: lines.length - shown.length,
  };
}
