/**
 * crc32, with the bytes and the value of `node:zlib`, whose function it is. That module brings twenty others, which take a third of
 * Node's own start, so it is taken from where the module has it, and only where it is not there the module is loaded.
 */
import { crc32 as loadedCrc32 } from 'node:zlib';

/** Of a text its bytes in UTF-8. */
export type Crc32 = (bytes: Uint8Array | string, value?: number) => number;

/** The check value of CRC-32 is its value for these. */
const CHECKED = { bytes: Buffer.from('123456789'), value: 0xcbf43926 };

export const crc32: Crc32 = crc32Of(boundBy(process as unknown as Binder));

/** @param inNode of Node's own, takes both arguments. */
export function crc32Of(inNode: unknown): Crc32 {
  const isThere = typeof inNode === 'function' && inNode(CHECKED.bytes, 0) === CHECKED.value;
  if (!isThere) return (bytes, value = 0) => loadedCrc32(bytes, value);
  return (bytes, value = 0) => inNode(bytes, value);
}

/** process.binding (DEP0111), which warns of nothing unless Node is asked to. */
interface Binder {
  binding?(name: string): { readonly crc32?: unknown };
}

function boundBy(node: Binder): unknown {
  try {
    return node.binding?.('zlib').crc32;
  } catch {
    return undefined;
  }
}
