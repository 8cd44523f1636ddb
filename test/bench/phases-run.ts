/**
 * A dump on one thread with a clock in it, bundled and run as a process of its own: prints the milliseconds of each phase
 * as JSON. The codec is timed for some pages only, so that the clock costs next to nothing.
 */
import { openSync } from 'node:fs';
import type { Codec } from '../../capture/codecs/codec.ts';
import { openCodec } from '../../capture/codecs/open.ts';
import { type Ffi, openFfi, openLibrary } from '../../capture/ffi/library.ts';
import type { DumpSink } from '../../capture/kdump/sink.ts';
import { choosePages } from '../../capture/kdump/write/input.ts';
import { writeDump } from '../../capture/kdump/write/writer.ts';
import { openFileSink } from '../../capture/storage/place/file-sink.ts';
import { type Command, EXIT, runCommand } from '../../scripts/lib/cli/command.ts';
import { DUMP_OPTIONS, readRequest } from '../../scripts/lib/dump/arguments.ts';
import { openCrashFile } from '../../scripts/lib/dump/crash-file.ts';
import { openMessages } from '../../scripts/lib/dump/messages.ts';

const startUpMs = performance.now();

const phases: Command<typeof DUMP_OPTIONS> = {
  name: 'phases-run',
  purpose: 'Makes a dump and says how long each phase took.',
  positionals: ['VMCORE', 'OUT'],
  options: DUMP_OPTIONS,
  async run(given) {
    const request = readRequest(given);
    const { crash, facts, ffi } = openCrashFile(request, openMessages(0, false));
    const openedMs = performance.now();
    const { bitmap2, dumpLevel } = choosePages(crash, request.dumpLevel);
    const plannedMs = performance.now();
    const spent = { calls: 0, compress: 0, write: 0 };
    const choice = { name: request.codec, pageSizeBytes: crash.vmcore.pageSizeBytes };
    const opened = ffi ?? openFfi();
    const codec = clocked(openCodec(opened, choice), spent);
    const [path] = request.outputs;
    const sink = clockedSink(openFileSink(openSync(path, 'wx'), path, { durable: false }), spent);
    writeDump({ ...facts, bitmap2, dumpLevel, codec, digestAlgorithm: 'none' }, sink);
    const doneMs = performance.now();
    const { compress, write } = spent;
    const calls = Math.min(compress, spent.calls * msPerCall(opened));
    const ms = {
      'start-up': startUpMs,
      open: openedMs - startUpMs,
      filter: plannedMs - openedMs,
      'read and zero scan': doneMs - plannedMs - compress - write,
      'FFI calls': calls,
      codec: compress - calls,
      write,
    };
    console.log(JSON.stringify(ms));
    return EXIT.done;
  },
};

const PAGES_PER_SAMPLE = 8;

function clocked(codec: Codec, spent: { calls: number; compress: number }): Codec {
  return {
    ...codec,
    compress(source, sourceOffset, output, outputOffset) {
      if (spent.calls++ % PAGES_PER_SAMPLE !== 0)
        return codec.compress(source, sourceOffset, output, outputOffset);
      const startedMs = performance.now();
      const size = codec.compress(source, sourceOffset, output, outputOffset);
      spent.compress += PAGES_PER_SAMPLE * (performance.now() - startedMs);
      return size;
    },
  };
}

/** The cost of an FFI call with as many arguments as a codec's: labs(3), which ignores all but the first. */
function msPerCall(ffi: Ffi): number {
  const nothing = openLibrary(ffi, ['libc.so.6']).func(
    'long labs(uintptr_t, uintptr_t, size_t, uintptr_t, size_t)',
  );
  const [address, calls] = [2 ** 46, 50_000];
  let startedMs = 0;
  // The first half warms up the JIT compiler.
  for (let i = -calls; i < calls; i++) {
    if (i === 0) startedMs = performance.now();
    nothing(address, address + i, 4096, address - i, 4096);
  }
  return (performance.now() - startedMs) / calls;
}

function clockedSink(sink: DumpSink, spent: { write: number }): DumpSink {
  return {
    ...sink,
    writeAt(bytes, offset) {
      const startedMs = performance.now();
      sink.writeAt(bytes, offset);
      spent.write += performance.now() - startedMs;
    },
  };
}

void runCommand(phases);
