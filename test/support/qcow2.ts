/** A qcow2 image without a tool for it (QEMU docs/interop/qcow2.txt): all of its data is its base's. */
import { statSync, writeFileSync } from 'node:fs';

const CLUSTER_BITS = 16;
const CLUSTER = 1 << CLUSTER_BITS;
const BACKING_FORMAT = 0xe2792aca;
/** An entry of an L1 table stands for a table of 8192 clusters. */
const L1_ENTRY_BYTES = CLUSTER * (CLUSTER / 8);

/** @param base the path of a raw image */
export function writeOverlay(path: string, base: string): void {
  const { size } = statSync(base);
  const image = Buffer.alloc(4 * CLUSTER);
  image.write('QFI\xfb', 0, 'latin1');
  image.writeUInt32BE(2, 4); // version
  const format = Buffer.from('raw\0\0\0\0\0');
  image.writeUInt32BE(BACKING_FORMAT, 72);
  image.writeUInt32BE(3, 76);
  format.copy(image, 80);
  const name = Buffer.from(base);
  const nameAt = 96; // after the extension that ends the list, which is zeros
  name.copy(image, nameAt);
  image.writeBigUInt64BE(BigInt(nameAt), 8);
  image.writeUInt32BE(name.length, 16);
  image.writeUInt32BE(CLUSTER_BITS, 20);
  image.writeBigUInt64BE(BigInt(size), 24);
  image.writeUInt32BE(Math.ceil(size / L1_ENTRY_BYTES), 36);
  image.writeBigUInt64BE(BigInt(3 * CLUSTER), 40); // L1 table
  image.writeBigUInt64BE(BigInt(CLUSTER), 48); // refcount table
  image.writeUInt32BE(1, 56); // its clusters
  image.writeBigUInt64BE(BigInt(2 * CLUSTER), CLUSTER); // the one refcount block
  for (let cluster = 0; cluster < 4; cluster++) image.writeUInt16BE(1, 2 * CLUSTER + 2 * cluster);
  writeFileSync(path, image);
}
