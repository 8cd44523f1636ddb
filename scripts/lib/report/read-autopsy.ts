/** The autopsy of a dump on this machine: what its memory says, and its kernel log. A part that cannot be read says why. */
import { join } from 'node:path';
import { openAutopsy } from '../../../capture/autopsy/open.ts';
import {
  AUTOPSY_FORMAT,
  type Autopsy,
  type AutopsyLog,
  isMissing,
  type Part,
} from '../../../capture/autopsy/summary/autopsy.ts';
import { readMemoryMap } from '../../../capture/autopsy/summary/memory-map.ts';
import { readKernelParts } from '../../../capture/autopsy/summary/read.ts';
import { describeError } from '../../../capture/errors.ts';
import { crashOf } from '../../../capture/kernel/crash.ts';
import type { Vmcore } from '../../../capture/vmcore/open.ts';
import type { Dump } from '../dumps/dump.ts';
import { openDumpFile } from '../dumps/open-vmcore.ts';
import type { Host } from '../host/host.ts';
import { logLines } from './log-lines.ts';

/** For a page; the dump has all of them. */
const MOST_LOG_LINES = 600;

/** Never throws. @param log its kernel log as text. @param withMap for a picture of the memory, which reads the whole memmap */
export function readAutopsy(
  host: Host,
  { directory, dumpFile, id }: Dump,
  log: string,
  withMap: boolean,
): Autopsy {
  const logPart = logOf(log);
  if (dumpFile === undefined) return withoutMemory('there is no dump', logPart);
  try {
    const file = openDumpFile(host.entry(join(directory, dumpFile)), `read the memory of dump ${id}`);
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
