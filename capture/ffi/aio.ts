/**
 * Writes that go on while the program does: Linux's own asynchronous I/O, io_submit(2). To a file that is open with O_DIRECT, in blocks
 * that it has, the kernel begins them without waiting for the device. Structures and numbers: Linux include/uapi/linux/aio_abi.h.
 */
import { addressOf, fixedBuffer } from './addresses.ts';
import { refused } from './libc.ts';
import { type Ffi, openLibrary } from './library.ts';

/** asm/unistd_64.h, asm-generic/unistd.h */
const CALLS: Readonly<
  Record<string, Readonly<Record<'setup' | 'destroy' | 'getevents' | 'submit', number>>>
> = {
  x64: { setup: 206, destroy: 207, getevents: 208, submit: 209 },
  arm64: { setup: 0, destroy: 1, getevents: 4, submit: 2 },
};
const IOCB_CMD_PWRITE = 1;
/** Offsets in struct iocb and struct io_event, and their sizes. */
const IOCB = { aio_data: 0, aio_lio_opcode: 16, aio_fildes: 20, aio_buf: 24, aio_nbytes: 32, aio_offset: 40 };
const IOCB_BYTES = 64;
const IO_EVENT = { data: 0, res: 16 };
const IO_EVENT_BYTES = 32;
/** errno */
const EINTR = 4;
/** Of memory, file and length, for O_DIRECT. A device with larger blocks, which Linux knows since v6.15, refuses the write. */
const DIRECT_ALIGN_BYTES = 4096;

/** A few buffers of one size, each of which can be on its way to a file. */
export interface AsyncWrites {
  /** Of a file's offset. */
  readonly alignBytes: number;
  readonly buffers: readonly Uint8Array[];
  /**
   * Begins to write a whole buffer, which must not be touched until it was waited for.
   * @returns errno, 0 where it began.
   */
  begin(slot: number, fd: number, offset: number): number;
  /** Waits for a buffer that began. @returns how many bytes were written, or the negative errno. */
  wait(slot: number): number;
  /** Waits for all that is on its way. */
  close(): void;
}

/** @param bufferBytes of each buffer: a multiple of 4096. @throws SystemError where the kernel has no such calls. */
export function openAsyncWrites(ffi: Ffi, slots: number, bufferBytes: number): AsyncWrites {
  const lib = openLibrary(ffi, ['libc.so.6']);
  // glibc has no wrappers for them.
  const setup = lib.func('long syscall(long, unsigned int, void *)');
  const destroy = lib.func('long syscall(long, uint64_t)');
  const submit = lib.func('long syscall(long, uint64_t, long, void *)');
  const getevents = lib.func('long syscall(long, uint64_t, long, long, void *, void *)');
  const calls = CALLS[process.arch]!;

  const room = new Uint8Array(slots * bufferBytes + DIRECT_ALIGN_BYTES);
  const unaligned = addressOf(ffi, room) % DIRECT_ALIGN_BYTES;
  const first = unaligned === 0 ? 0 : DIRECT_ALIGN_BYTES - unaligned;
  const buffers = Array.from({ length: slots }, (_, slot) =>
    room.subarray(first + slot * bufferBytes, first + (slot + 1) * bufferBytes),
  );
  const blocks = fixedBuffer(slots * IOCB_BYTES);
  const blocksAddress = addressOf(ffi, blocks);
  for (const [slot, buffer] of buffers.entries()) {
    const block = blocks.subarray(slot * IOCB_BYTES);
    block.writeBigUInt64LE(BigInt(slot), IOCB.aio_data);
    block.writeUInt16LE(IOCB_CMD_PWRITE, IOCB.aio_lio_opcode);
    block.writeBigUInt64LE(BigInt(addressOf(ffi, buffer)), IOCB.aio_buf);
    block.writeBigUInt64LE(BigInt(buffer.length), IOCB.aio_nbytes);
  }
  const pointer = fixedBuffer(8);
  const events = fixedBuffer(slots * IO_EVENT_BYTES);
  const results: (number | undefined)[] = [];

  const context = fixedBuffer(8);
  if (setup(calls.setup, slots, context) !== 0)
    throw refused('begin writes without waiting for them', ffi.errno());
  const id = context.readBigUInt64LE();
  return {
    alignBytes: DIRECT_ALIGN_BYTES,
    buffers,
    begin(slot, fd, offset) {
      const block = blocks.subarray(slot * IOCB_BYTES);
      block.writeUInt32LE(fd, IOCB.aio_fildes);
      block.writeBigInt64LE(BigInt(offset), IOCB.aio_offset);
      pointer.writeBigUInt64LE(BigInt(blocksAddress + slot * IOCB_BYTES));
      results[slot] = undefined;
      return submit(calls.submit, id, 1, pointer) === 1 ? 0 : ffi.errno();
    },
    wait(slot) {
      for (;;) {
        const result = results[slot];
        if (result !== undefined) return result;
        const count = getevents(calls.getevents, id, 1, slots, events, null) as number;
        if (count < 0 && ffi.errno() !== EINTR) return -ffi.errno();
        for (let i = 0; i < count; i++) {
          const event = events.subarray(i * IO_EVENT_BYTES);
          results[Number(event.readBigUInt64LE(IO_EVENT.data))] = Number(event.readBigInt64LE(IO_EVENT.res));
        }
      }
    },
    close: () => void destroy(calls.destroy, id),
  };
}
