/** The autopsy of a dump on this machine: what its memory says, and its kernel log. A part that cannot be read says why. */
import { join } from 'node:path';
import {
  AUTOPSY_FORMAT,
  type Autopsy,
  type AutopsyLog,
  type Part,
} from '../../../capture/autopsy/summary/autopsy.ts';
import { readMemoryMap } from '../../../capture/autopsy/summary/memory-map.ts';
import { describeError } from '../../../capture/errors.ts';
import { type Crash, crashOf } from '../../../capture/kernel/crash.ts';
import type { Dump } from '../dumps/dump.ts';
import { openDumpFile } from '../dumps/open-vmcore.ts';
import type { Host } from '../host/host.ts';
import { logLines } from './log-lines.ts';

/** For a page; the dump has all of them. */
const MOST_LOG_LINES = 600;

/** Never throws. @param log its kernel log as text */
export function readAutopsy(host: Host, { directory, dumpFile, id }: Dump, log: string): Autopsy {
  const logPart = logOf(log);
  if (dumpFile === undefined) return withoutMemory('there is no dump', logPart);
  try {
    const file = openDumpFile(host.path(join(directory, dumpFile)), `read the memory of dump ${id}`);
    try {
      return autopsyOf(crashOf(file.vmcore), logPart);
    } finally {
      file.close();
    }
  } catch (error) {
    return withoutMemory(describeError(error), logPart);
  }
}

function autopsyOf(crash: Crash, log: Part<AutopsyLog>): Autopsy {
  const { release, nodename } = crash.utsname;
  return {
    ...withoutMemory('it is not read from memory', log),
    kernel: { release, nodename },
    memory: part(() => readMemoryMap(crash)),
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
