/** Kernel images of arm64 for tests. */

interface Header {
  readonly textOffset?: number;
  readonly memoryBytes?: number;
  readonly flags?: number;
}

/** An image of 4 KiB (Linux Documentation/arch/arm64/booting.rst). */
export function arm64Image({ textOffset = 0, memoryBytes = 0x20_0000, flags = 0xa }: Header = {}): Buffer {
  const bytes = Buffer.alloc(4096, 0x5a);
  bytes.write('MZ', 0, 'latin1');
  bytes.writeUInt32LE(0x1461_d43b, 4);
  bytes.writeBigUInt64LE(BigInt(textOffset), 8);
  bytes.writeBigUInt64LE(BigInt(memoryBytes), 16);
  bytes.writeBigUInt64LE(BigInt(flags), 24);
  bytes.write('ARM\x64', 56, 'latin1');
  return bytes;
}
