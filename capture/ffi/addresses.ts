/** Addresses of JavaScript's buffers, for C functions that take them as numbers. */
import { SystemError } from '../errors.ts';
import type { Ffi } from './library.ts';

/** V8 keeps typed arrays up to 64 bytes inside its moving heap; anything of this size has its bytes outside. */
const SMALLEST_FIXED_BYTES = 128;

/**
 * Remembers the address of one buffer until another is asked for, and keeps that buffer alive. The page loop asks for
 * the same window some thousand times in a row.
 */
export class AddressOf {
  readonly #ffi: Ffi;
  #buffer: Uint8Array | undefined;
  #address = 0;

  constructor(ffi: Ffi) {
    this.#ffi = ffi;
  }

  of(buffer: Uint8Array): number {
    if (buffer !== this.#buffer) {
      this.#address = addressOf(this.#ffi, buffer);
      this.#buffer = buffer;
    }
    return this.#address;
  }
}

/** Where the bytes of `buffer` lie. The caller keeps `buffer` reachable for as long as the address is in use. */
export function addressOf(ffi: Ffi, buffer: Uint8Array): number {
  if (buffer.buffer.byteLength < SMALLEST_FIXED_BYTES) {
    throw new RangeError(`a buffer of ${buffer.buffer.byteLength} bytes may move: it has no address to keep`);
  }
  const address = Number(ffi.address(buffer));
  if (Number.isSafeInteger(address) && address > 0) return address;
  throw new SystemError('FFI_ADDRESS', { action: 'address a buffer', actual: `the FFI says ${address}` });
}
