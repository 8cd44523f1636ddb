/** `-L` and the further dump levels of `-d`: what happens when a dump does not fit (makedumpfile(8)). */
import { describeError, TargetError } from '../../../capture/errors.ts';
import type { DumpSink } from '../../../capture/kdump/sink.ts';
import { badValue } from '../cli/command.ts';
import type { Messages } from './messages.ts';
import type { DumpRequest } from './request.ts';

const UNITS: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };
const LIMIT_REACHED = 'SIZE_LIMIT';
/** Error codes of a file that cannot grow: our own limit, a full file system, a quota, a ulimit. */
const NO_ROOM: readonly string[] = [LIMIT_REACHED, 'ENOSPC', 'EDQUOT', 'EFBIG'];

/** `40000000`, `10k`. @throws UsageError */
export function readSizeLimit(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const [, digits = '', unit = ''] = /^(\d+)([kmgt]?)$/i.exec(text) ?? [];
  const sizeBytes = Number(digits) * UNITS[unit.toLowerCase()]!;
  if (digits !== '' && sizeBytes > 0 && Number.isSafeInteger(sizeBytes)) return sizeBytes;
  throw badValue('size-limit', text, 'a number of bytes above 0, or a number followed by k, m, g or t');
}

/** A file that ends at `sizeLimitBytes`. A write that would exceed it is done in part, then fails. */
export function limitSink(sink: DumpSink, sizeLimitBytes: number): DumpSink {
  return {
    ...sink,
    writeAt(bytes, offset) {
      const room = sizeLimitBytes - offset;
      if (bytes.length <= room) return sink.writeAt(bytes, offset);
      if (room > 0) sink.writeAt(bytes.subarray(0, room), offset);
      throw new TargetError(LIMIT_REACHED, {
        action: 'write the dump',
        actual: `the size limit of ${sizeLimitBytes} bytes is reached`,
      });
    },
  };
}

/**
 * Makes the dump at the first level at which it fits.
 * @param dumpFirstPages for when the size limit is too small for all levels: makes a dump of the pages that fit.
 * @throws what the last attempt throws
 */
export async function withRetries(
  request: DumpRequest,
  messages: Messages,
  dump: (request: DumpRequest) => Promise<void>,
  dumpFirstPages?: (request: DumpRequest) => Promise<void>,
): Promise<void> {
  let attempt = request;
  for (const nextLevel of request.furtherLevels) {
    try {
      return await dump(attempt);
    } catch (error) {
      if (!(error instanceof TargetError) || !NO_ROOM.includes(error.code)) throw error;
      messages.warn(`again at dump level ${nextLevel}: ${describeError(error)}`);
      // The file exists now because this program created it.
      attempt = { ...attempt, dumpLevel: nextLevel, force: true };
    }
  }
  try {
    return await dump(attempt);
  } catch (error) {
    if (!dumpFirstPages || !(error instanceof TargetError) || error.code !== LIMIT_REACHED) throw error;
    messages.debug(`again with the pages that are needed first: ${describeError(error)}`);
    return dumpFirstPages({ ...attempt, force: true });
  }
}
