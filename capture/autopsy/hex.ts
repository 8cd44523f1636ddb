/** Addresses and offsets as text. */

/** As the kernel prints offsets: `0x19`. */
export function hex(value: bigint | number): string {
  return `0x${value.toString(16)}`;
}

/** As crash prints addresses: 16 digits without `0x`. */
export function addressDigits(address: bigint): string {
  return BigInt.asUintN(64, address).toString(16).padStart(16, '0');
}
