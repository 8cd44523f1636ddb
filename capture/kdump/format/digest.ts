/**
 * Digests of a dump, by region. Descriptors and data are written in turns but each in order, so each region has its own
 * digest, and one pass over the finished file recomputes them all.
 */
import { createHash, type Hash } from 'node:crypto';
import { DumpFormatError } from '../../errors.ts';
import type { ByteSource } from '../../vmcore/source.ts';
import { finish, type Steps } from '../steps.ts';
import { crc32 } from './crc32.ts';
import { crc32Zeros } from './crc32-zeros.ts';

const ZEROS_BYTES = 1 << 20;

/** sha256 also detects deliberate changes; crc32 is for CPUs without SHA instructions, where sha256 costs too much. */
export type DigestAlgorithm = 'sha256' | 'crc32' | 'none';

/** The regions in file order: headers, notes and bitmaps; page descriptors; page data. */
export type RegionName = 'head' | 'descriptors' | 'data';

export interface RegionDigest {
  readonly name: RegionName;
  readonly offset: number;
  readonly sizeBytes: number;
  /** Hexadecimal; empty for `none`. */
  readonly digest: string;
}

/** Stored in the manifest. The regions adjoin from 0 to the end of the file. */
export interface DumpDigest {
  readonly algorithm: DigestAlgorithm;
  readonly regions: readonly RegionDigest[];
}

/** Takes bytes in order. */
export interface RunningDigest {
  update(bytes: Uint8Array): void;
  /** So many zeros. */
  zeros(lengthBytes: number): void;
  finish(): string;
}

export function openDigest(algorithm: DigestAlgorithm): RunningDigest {
  switch (algorithm) {
    case 'sha256':
      return new OpensslDigest(createHash('sha256'));
    case 'crc32':
      return new Crc32Digest();
    case 'none':
      return { update: () => {}, zeros: () => {}, finish: () => '' };
  }
}

/**
 * Recomputes the digests from the file as it is now.
 * @returns the names of the regions that differ or are cut; empty when the file is as it was written.
 */
export function damagedRegions(file: ByteSource, expected: DumpDigest, onProgress?: OnBytes): RegionName[] {
  return finish(damageSteps(file, expected, onProgress));
}

type OnBytes = (bytesDone: number, bytesTotal: number) => void;

/** As `damagedRegions`, one window per step. */
export function* damageSteps(
  file: ByteSource,
  expected: DumpDigest,
  onProgress: OnBytes = () => {},
): Steps<RegionName[]> {
  const damaged: RegionName[] = [];
  requireContiguous(expected);
  for (const { name, offset, sizeBytes, digest } of expected.regions) {
    const running = openDigest(expected.algorithm);
    const end = Math.min(offset + sizeBytes, file.sizeBytes);
    for (let at = offset; at < end; ) {
      const lengthBytes = Math.min(file.maxWindowBytes, end - at);
      running.update(file.window(at, lengthBytes));
      at += lengthBytes;
      onProgress(at, file.sizeBytes);
      yield;
    }
    if (end < offset + sizeBytes || running.finish() !== digest) damaged.push(name);
  }
  return damaged;
}

function requireContiguous({ regions }: DumpDigest): void {
  let at = 0;
  for (const { name, offset, sizeBytes } of regions) {
    if (offset !== at || !(sizeBytes >= 0)) {
      throw new DumpFormatError('DIGEST_REGIONS', {
        action: `verify the region "${name}" of the dump`,
        actual: `its ${sizeBytes} bytes begin at ${offset} by the manifest`,
        wanted: `${at}, where the region before it ends`,
      });
    }
    at += sizeBytes;
  }
}

class OpensslDigest implements RunningDigest {
  readonly #hash: Hash;
  constructor(hash: Hash) {
    this.#hash = hash;
  }
  update(bytes: Uint8Array): void {
    this.#hash.update(bytes);
  }
  zeros(lengthBytes: number): void {
    const zeros = new Uint8Array(Math.min(lengthBytes, ZEROS_BYTES));
    for (let done = 0; done < lengthBytes; done += zeros.length)
      this.#hash.update(zeros.subarray(0, Math.min(zeros.length, lengthBytes - done)));
  }
  finish(): string {
    return this.#hash.digest('hex');
  }
}

class Crc32Digest implements RunningDigest {
  #value = 0;
  update(bytes: Uint8Array): void {
    this.#value = crc32(bytes, this.#value);
  }
  zeros(lengthBytes: number): void {
    this.#value = crc32Zeros(this.#value, lengthBytes);
  }
  finish(): string {
    return this.#value.toString(16).padStart(8, '0');
  }
}
