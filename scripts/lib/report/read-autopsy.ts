/** The autopsy of a dump on this machine: what its memory says, and its kernel log. A part that cannot be read says why. */
import { join } from 'node:path';
import { openAutopsy } from '../../../capture/autopsy/open.ts';
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
import type { Vmcore } from '../../../capture/vmcore/open.ts';
import { parseAutopsy } from '../dumps/autopsy-schema.ts';
import type { Dump } from '../dumps/dump.ts';
import { openDumpFile } from '../dumps/open-vmcore.ts';
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
}

/**
 * From the dump, or where that has no stack, from the autopsy that the capture wrote before it. Never throws.
 * @param log its kernel log as text.
 * @param withMap for a picture of the memory, which reads the whole memmap.
 */
export function readAutopsy(host: Host, dump: Dump, log: string, withMap: boolean): ReadAutopsy {
  const logPart = logOf(log);
  const autopsy = fromDump(host, dump, logPart, withMap);
  if (!isMissing(autopsy.crash)) return { autopsy, from: 'memory' };
  const saved = savedAutopsy(host, dump);
  if (!saved) return { autopsy, from: 'memory' };
  return { autopsy: { ...saved, memory: autopsy.memory, log: logPart }, from: 'autopsy' };
}

/** What the capture wrote; undefined where it did not, or where that makes no sense. */
function savedAutopsy(host: Host, { directory, files }: Dump): Autopsy | undefined {
  if (!files.some(({ name }) => name === AUTOPSY_JSON)) return undefined;
  const bytes = attempt(() => readRegular(host.entry(join(directory, AUTOPSY_JSON)), MOST_JSON_BYTES));
  return bytes && parseAutopsy(bytes.toString('utf8'));
}

/** From its first file that has the crash. A triage dump without tables leaves that to the incomplete dump. */
function fromDump(host: Host, dump: Dump, logPart: Part<AutopsyLog>, withMap: boolean): Autopsy {
  const { dumpFiles, standsInBecause } = dump;
  const files = standsInBecause === undefined ? dumpFiles.slice(0, 1) : dumpFiles;
  let first: Autopsy | undefined;
  for (const name of files) {
    const autopsy = fromFile(host, dump, name, logPart, withMap);
    if (!isMissing(autopsy.crash)) return autopsy;
    first ??= autopsy;
  }
  return first ?? withoutMemory('there is no dump', logPart);
}

function fromFile(
  host: Host,
  { directory, id }: Dump,
  name: string,
  logPart: Part<AutopsyLog>,
  withMap: boolean,
): Autopsy {
  try {
    const file = openDumpFile(host.entry(join(directory, name)), `read the memory of dump ${id}`);
    try {
      return autopsyOf(file.vmcore, logPart, withMap);
    } finally {
      file.close();
    }
  } catch (error) {
    return withoutMemory(describeError(error), logPart);
  }
}

function autopsyOf(vmcore: Vmcore, log: Part<AutopsyLog>, withMap: boolean): Autopsy {
  const crash = crashOf(vmcore);
  const { release, nodename } = crash.utsname;
  const kernel = part(() => openAutopsy(vmcore));
  return {
    ...withoutMemory(isMissing(kernel) ? kernel.missing : '', log),
    ...(!isMissing(kernel) && readKernelParts(kernel)),
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
