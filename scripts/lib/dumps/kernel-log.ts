/** The crashed kernel's log of a dump: its text file, or, where there is none, what the dump's memory has of it. */
import { closeSync, fstatSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { StringDecoder } from 'node:string_decoder';
import { describeError, TargetError } from '../../../capture/errors.ts';
import { crashOf } from '../../../capture/kernel/crash.ts';
import { dmesgLines } from '../../../capture/kernel/dmesg-text.ts';
import { openRegular } from '../../../capture/storage/place/open-regular.ts';
import type { Host } from '../host/host.ts';
import type { Dump } from './dump.ts';
import { openDumpFile } from './open-vmcore.ts';

const CHUNK_BYTES = 1 << 18;

export interface Reading {
  /** Of a text file that is too long to be read whole. */
  readonly fromByte?: number;
  readonly warn: (text: string) => void;
}

/**
 * The log in pieces, never all of it in memory.
 * @throws TargetError when the dump has no log; what reading the file or the dump throws.
 */
export function* kernelLog(host: Host, dump: Dump, { fromByte = 0, warn }: Reading): Generator<string> {
  const { logFile, dumpFile } = dump;
  if (logFile !== undefined) yield* textOf(host.entry(join(dump.directory, logFile)), fromByte);
  else if (dumpFile !== undefined) yield* logInDump(host.entry(join(dump.directory, dumpFile)), warn);
  else
    throw new TargetError('NO_LOG', {
      action: `show the kernel log of ${dump.id}`,
      actual: 'it has neither a log file nor a dump',
    });
}

/** Of a log that is longer, the end, where the crash is. */
const MOST_REPORTED_BYTES = 16 << 20;

/** For a report, which says less where there is no log. Empty when it cannot be read. */
export function kernelLogText(host: Host, dump: Dump, warn: (text: string) => void): string {
  try {
    const bytes = dump.files.find(({ name }) => name === dump.logFile)?.bytes ?? 0;
    const fromByte = Math.max(0, bytes - MOST_REPORTED_BYTES);
    return [...kernelLog(host, dump, { fromByte, warn })].join('');
  } catch (error) {
    warn(describeError(error));
    return '';
  }
}

function* textOf(path: string, fromByte: number): Generator<string> {
  const fd = openRegular(path);
  try {
    const decoder = new StringDecoder('utf8');
    const chunk = Buffer.alloc(CHUNK_BYTES);
    const { size } = fstatSync(fd);
    for (let at = fromByte; at < size; ) {
      const count = readSync(fd, chunk, 0, chunk.length, at);
      if (count === 0) break;
      at += count;
      yield decoder.write(chunk.subarray(0, count));
    }
    yield decoder.end();
  } finally {
    closeSync(fd);
  }
}

function* logInDump(path: string, warn: (text: string) => void): Generator<string> {
  const action = `read the kernel log in ${path}`;
  const file = openDumpFile(path, action);
  try {
    const crash = crashOf(file.vmcore);
    if (!crash.memory)
      throw new TargetError('NO_LOG', {
        action,
        actual: crash.warnings.join('; ') || "the crashed kernel's addresses cannot be translated",
      });
    const warnings = [...crash.warnings];
    for (const line of dmesgLines(crash.memory, crash.vmcore.vmcoreinfo, warnings))
      yield Buffer.from(line, 'latin1').toString('utf8');
    for (const warning of warnings) warn(warning);
  } finally {
    file.close();
  }
}
