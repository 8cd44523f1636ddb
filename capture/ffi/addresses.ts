/** Addresses of JavaScript's buffers, for C functions that take them as numbers. */
import { SystemError } from '../errors.ts';
import type { Ffi } from './library.ts';

/** V8 keeps typed arrays of up to 64 bytes on its moving heap; those of at least this size have fixed addresses. */
const SMALLEST_FIXED_BYTES = 128;

/**
 * Caches the address of the latest buffer and keeps that buffer alive: the page loop asks for the same window about a
 * thousand times in a row.
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

/** The buffer, or a copy of it where its own bytes may move. */
export function atFixedAddress(buffer: Uint8Array): Uint8Array {
  if (buffer.buffer.byteLength >= SMALLEST_FIXED_BYTES) return buffer;
  const room = fixedBuffer(buffer.length);
  room.set(buffer);
  return room.subarray(0, buffer.length);
}

/** Zeros at a fixed address: at least so many bytes. */
export function fixedBuffer(sizeBytes: number): Buffer {
  return Buffer.alloc(Math.max(sizeBytes, SMALLEST_FIXED_BYTES));
}

/** The address of `buffer`'s bytes. The caller must keep `buffer` reachable while the address is in use. */
export function addressOf(ffi: Ffi, buffer: Uint8Array): number {
  if (buffer.buffer.byteLength < SMALLEST_FIXED_BYTES) {
    throw new RangeError(
      `a buffer of ${buffer.buffer.byteLength} bytes may move, so its address is not stable`,
    );
  }
  const address = Number(ffi.address(buffer));
  if (Number.isSafeInteger(address) && address > 0) return address;
  throw new SystemError('FFI_ADDRESS', { action: 'address a buffer', actual: `the FFI returned ${address}` });
}
