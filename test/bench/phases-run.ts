/**
 * A dump with a clock in it, bundled and run as a process of its own: prints the milliseconds of each phase as JSON.
 * Two readings of the clock a page cost it a few percent, so its total is not what is compared with others.
 */
import { openSync } from 'node:fs';
import { choosePages } from '../../capture/dump-input.ts';
import { openCodec } from '../../capture/ffi/codecs.ts';
import { openFfi } from '../../capture/ffi/library.ts';
import type { Codec } from '../../capture/kdump/codec.ts';
import type { DumpSink } from '../../capture/kdump/sink.ts';
import { writeDump } from '../../capture/kdump/writer.ts';
import { openFileSink } from '../../capture/target/file-sink.ts';
import { type Command, EXIT, runCommand } from '../../scripts/cli.ts';
import { DUMP_OPTIONS, readRequest } from '../../scripts/dump/arguments.ts';
import { openCrashFile } from '../../scripts/dump/crash-file.ts';
import { openMessages } from '../../scripts/dump/messages.ts';

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
    const spent = { compress: 0, write: 0 };
    const choice = { name: request.codec, pageSizeBytes: crash.vmcore.pageSizeBytes };
    const codec = clocked(openCodec(ffi ?? openFfi(), choice), spent);
    const [path] = request.outputs;
    const sink = clockedSink(openFileSink(openSync(path, 'wx'), path, { durable: false }), spent);
    writeDump({ ...facts, bitmap2, dumpLevel, codec, digestAlgorithm: 'none' }, sink);
    const doneMs = performance.now();
    const { compress, write } = spent;
    const ms = {
      'start-up': startUpMs,
      open: openedMs - startUpMs,
      filter: plannedMs - openedMs,
      'read and zero scan': doneMs - plannedMs - compress - write,
      compress,
      write,
    };
    console.log(JSON.stringify(ms));
    return EXIT.done;
  },
};

function clocked(codec: Codec, spent: { compress: number }): Codec {
  return {
    ...codec,
    compress(source, sourceOffset, output, outputOffset) {
      const startedMs = performance.now();
      const size = codec.compress(source, sourceOffset, output, outputOffset);
      spent.compress += performance.now() - startedMs;
      return size;
    },
  };
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
