/** An amount of space in an option: bytes, or a percentage of the file system. */

/** `64M`, `10%`, `0`. */
export const AMOUNT_PATTERN = /^(\d{1,15}[KMGT]?|\d{1,2}%)$/;
const UNITS: Readonly<Record<string, number>> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 };

/** @param amount matches AMOUNT_PATTERN. A percentage is relative to `totalBytes`. */
export function amountBytes(amount: string, totalBytes: number): number {
  const number = Number.parseInt(amount, 10);
  if (amount.endsWith('%')) return Math.floor((totalBytes * number) / 100);
  return number * (UNITS[amount.at(-1)!] ?? 1);
}
