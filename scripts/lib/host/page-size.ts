/** The page size of the running kernel, which arm64's builds choose: 4, 16 or 64 KiB. */
import type { Host } from './host.ts';

/** linux/auxvec.h. The vector is pairs of a type and a value (getauxval(3)). */
const AT_PAGESZ = 6n;
const ENTRY_BYTES = 16;
const USUAL_BYTES = 4096;

/** 4 KiB where the machine does not say. */
export function pageSizeBytes(host: Host): number {
  const vector = host.readBytes('/proc/self/auxv');
  for (let at = 0; vector && at + ENTRY_BYTES <= vector.length; at += ENTRY_BYTES) {
    if (vector.readBigUInt64LE(at) === AT_PAGESZ) return Number(vector.readBigUInt64LE(at + 8));
  }
  return USUAL_BYTES;
}
