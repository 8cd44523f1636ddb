/** The data of a dump's pages: whether it decompresses into a page. */
import type { Decompressor, PageCodecs } from '../../codecs/codec.ts';
import type { PageDescriptor } from '../format/descriptor.ts';
import type { KdumpFile } from '../read/file.ts';

const WINDOW_BYTES = 4 << 20;

/** Reads pages through windows that move forward in the file. */
export class StoredPages {
  readonly #file: KdumpFile;
  readonly #codecs: PageCodecs | undefined;
  readonly #decompressors = new Map<number, Decompressor | undefined>();
  readonly #page: Uint8Array;
  #window = new Uint8Array();
  #windowOffset = 0;

  constructor(file: KdumpFile, codecs: PageCodecs | undefined) {
    this.#file = file;
    this.#codecs = codecs;
    this.#page = new Uint8Array(file.header.block_size);
  }

  isZero(offset: number): boolean {
    const { block_size } = this.#file.header;
    const at = this.#show(offset, block_size);
    return this.#window.subarray(at, at + block_size).every(byte => byte === 0);
  }

  /** Whether a flipped bit in its data shows when it is decompressed. */
  hasChecksum({ flags }: PageDescriptor): boolean {
    return flags !== 0 && (this.#codecs === undefined || (this.#codecs.checksumFlags & flags) === flags);
  }

  /** Undefined for a page without detectable damage. */
  faultOf({ offset, size, flags }: PageDescriptor): string | undefined {
    const { block_size, status } = this.#file.header;
    if (flags === 0) return size === block_size ? undefined : `it has ${size} bytes and is not compressed`;
    if ((status & flags) !== flags) return `its codec 0x${flags.toString(16)} is not that of the dump`;
    if (!this.#codecs) return undefined;
    const decompressor = this.#decompressor(this.#codecs, flags);
    if (!decompressor) return `its flags 0x${flags.toString(16)} are those of no codec`;
    const at = this.#show(offset, size);
    const ignored = decompressor.ignoredDamage?.(this.#window, at, size);
    if (ignored !== undefined) return ignored;
    const isWhole = decompressor.decompress(this.#window, at, size, this.#page, 0);
    return isWhole ? undefined : 'it does not decompress into a page';
  }

  close(): void {
    for (const decompressor of this.#decompressors.values()) decompressor?.close();
    this.#decompressors.clear();
  }

  /** Reads the bytes into the window and returns their offset in it. */
  #show(offset: number, sizeBytes: number): number {
    const { source } = this.#file;
    if (
      offset < this.#windowOffset ||
      offset + sizeBytes > this.#windowOffset + this.#window.length ||
      this.#window.length === 0
    ) {
      const lengthBytes = Math.min(WINDOW_BYTES, source.maxWindowBytes, source.sizeBytes - offset);
      this.#window = source.window(offset, lengthBytes) as Uint8Array<ArrayBuffer>;
      this.#windowOffset = offset;
    }
    return offset - this.#windowOffset;
  }

  #decompressor(codecs: PageCodecs, flags: number): Decompressor | undefined {
    if (!this.#decompressors.has(flags)) {
      const isOne = (flags & (flags - 1)) === 0;
      this.#decompressors.set(flags, isOne ? codecs.open(flags, this.#file.header.block_size) : undefined);
    }
    return this.#decompressors.get(flags);
  }
}
