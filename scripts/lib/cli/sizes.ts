/** Bytes as people read them. */

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

/** A file's length, and what it takes on disk where holes make that less. */
export function describeSize({
  bytes,
  diskBytes,
}: {
  readonly bytes: number;
  readonly diskBytes: number;
}): string {
  const [length, onDisk] = [describeBytes(bytes), describeBytes(diskBytes)];
  return diskBytes < bytes && length !== onDisk ? `${length} (${onDisk} on disk)` : length;
}

export function describeBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}
