/** The value of `crashkernel=` (Linux Documentation/admin-guide/kdump/kdump.rst): how much it reserves on this machine. */

const UNITS: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/**
 * Bytes that `SIZE[@OFFSET]`, `SIZE,high`, or `RANGE:SIZE[,RANGE:SIZE…]` asks for on a machine of `memoryBytes`;
 * undefined for what the kernel would not take.
 */
export function crashkernelBytes(value: string, memoryBytes: number): number | undefined {
  if (!value.includes(':')) {
    const match = /^([^@,]+)(@[^,]+|,(high|low|cma))?$/.exec(value);
    return match ? parseSize(match[1]!) : undefined;
  }
  for (const part of value.replace(/@.*/, '').split(',')) {
    const match = /^([^-:]+)-([^:]*):(.+)$/.exec(part);
    if (!match) return undefined;
    const [, start, end, size] = match as unknown as [string, string, string, string];
    const [from, to] = [parseSize(start), end === '' ? Number.POSITIVE_INFINITY : parseSize(end)];
    const bytes = parseSize(size);
    if (from === undefined || to === undefined || bytes === undefined || from >= to) return undefined;
    if (memoryBytes >= from && memoryBytes < to) return bytes;
  }
  return 0;
}

function parseSize(text: string): number | undefined {
  const match = /^(\d+)([KMGT]?)$/i.exec(text);
  return match ? Number(match[1]) * UNITS[match[2]!.toUpperCase()]! : undefined;
}
