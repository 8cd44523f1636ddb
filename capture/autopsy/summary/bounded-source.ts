/** A vmcore that may be read only so much: the lists and tables of a damaged kernel can be endless. */
import { AutopsyError } from '../../errors.ts';
import type { ByteSource } from '../../vmcore/source.ts';

export interface ReadBudget {
  readonly bytes: number;
  readonly reads: number;
}

/**
 * Reads and windows count alike. The first one beyond the budget throws AutopsyError OVER_BUDGET, and so does every later one.
 * @param onRead is called before each read within the budget.
 */
export function boundedSource(source: ByteSource, most: ReadBudget, onRead: () => void): ByteSource {
  let bytes = 0;
  let reads = 0;
  const take = (wanted: number): void => {
    bytes += wanted;
    reads += 1;
    if (bytes > most.bytes || reads > most.reads)
      throw new AutopsyError('OVER_BUDGET', {
        action: 'read more of the memory',
        actual: `an autopsy reads ${most.bytes >>> 20} MiB at most, in ${most.reads} reads`,
        wanted: 'lists and tables that end',
      });
    onRead();
  };
  return {
    name: source.name,
    sizeBytes: source.sizeBytes,
    get maxWindowBytes() {
      return source.maxWindowBytes;
    },
    readAt(into, offset) {
      take(into.length);
      return source.readAt(into, offset);
    },
    window(offset, lengthBytes) {
      take(lengthBytes);
      return source.window(offset, lengthBytes);
    },
  };
}
