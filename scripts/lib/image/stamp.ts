/** The record of a built image: what it was made of, and what it must still look like. */
import { createHash } from 'node:crypto';
import type { Host } from '../host/host.ts';
import { imageName, STATE_FOLDER } from '../host/kernel-files.ts';

export interface Stamp {
  /** A digest of the image's inputs. */
  readonly inputs: string;
  readonly bytes: number;
  /** Of the image, in hex. */
  readonly sha256: string;
}

/** The image must be on the disk before this is called. The stamp is on the disk when it returns. */
export function writeStamp(host: Host, kver: string, stamp: Stamp): void {
  host.write(stampPath(kver), `${JSON.stringify(stamp)}\n`);
}

/** Undefined if there is none that can be read, or one of 0.1.0 without a digest; the image then has to be built again. */
export function readStamp(host: Host, kver: string): Stamp | undefined {
  try {
    const { inputs, bytes, sha256 } = JSON.parse(host.read(stampPath(kver)) ?? '') as Partial<Stamp>;
    const isWhole = typeof inputs === 'string' && typeof sha256 === 'string' && Number.isSafeInteger(bytes);
    return isWhole ? { inputs, bytes: bytes!, sha256 } : undefined;
  } catch {
    return undefined; // none, or a damaged one
  }
}

/** In what the image on the disk differs from the one that was built; undefined if in nothing. */
export function damageOf(host: Host, image: string, { bytes, sha256 }: Stamp): string | undefined {
  const found = host.sizeBytes(image);
  if (found === undefined) return 'it does not exist';
  if (found !== bytes) return `it has ${found} bytes, and ${bytes} were written`;
  const content = host.readBytes(image);
  if (!content) return 'it cannot be read';
  if (createHash('sha256').update(content).digest('hex') !== sha256)
    return 'its content is not what was written';
  return undefined;
}

function stampPath(kver: string): string {
  return `${STATE_FOLDER}/${imageName(kver).replace(/\.img$/, '.stamp')}`;
}
