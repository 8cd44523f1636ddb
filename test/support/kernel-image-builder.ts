/** Files that look like kernels to the lab. */

/** A bzImage with one setup sector, and a payload as the kernel's build makes it. */
export function bzImage(payload: Buffer, release = '6.1.99-mine'): Buffer {
  const image = Buffer.alloc(2 * 512 + payload.length);
  image[0x1f1] = 1;
  image.write('HdrS', 0x202, 'latin1');
  image.writeUInt16LE(0x100, 0x20e);
  image.write(`${release} (builder) #1 SMP\0`, 0x300, 'latin1');
  image.writeUInt32LE(0, 0x248);
  image.writeUInt32LE(payload.length, 0x24c);
  payload.copy(image, 2 * 512);
  return image;
}

/** An arm64 Image, whose kernel follows its header. */
export function arm64Image(kernel: Buffer, release = '6.1.99-mine'): Buffer {
  const header = Buffer.alloc(64);
  header.write('MZ', 0, 'latin1');
  header.write('ARM\x64', 0x38, 'latin1');
  return Buffer.concat([header, Buffer.from(`Linux version ${release} (builder) #1 SMP\0`), kernel]);
}
