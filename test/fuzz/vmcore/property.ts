/**
 * What must hold for any vmcore, whatever is wrong with it: a capture ends with a dump that an independent reader accepts, or
 * with a Failure that names the fault. It never throws anything else, runs for ever, or exhausts memory.
 */

import { openNoneCodec } from '../../../capture/codecs/codec.ts';
import { openPageCodecs } from '../../../capture/codecs/decompressors.ts';
import { elfSteps } from '../../../capture/elf/writer.ts';
import { Failure } from '../../../capture/errors.ts';
import { openFfi } from '../../../capture/ffi/library.ts';
import type { Bitmap } from '../../../capture/filter/bitmap.ts';
import { checkSteps } from '../../../capture/kdump/check/check.ts';
import { isKdumpFile } from '../../../capture/kdump/read/file.ts';
import { openKdumpVmcore } from '../../../capture/kdump/read/vmcore.ts';
import { finish } from '../../../capture/kdump/steps.ts';
import { choosePages, crashFacts } from '../../../capture/kdump/write/input.ts';
import { writeDump } from '../../../capture/kdump/write/writer.ts';
import { type Crash, crashOf } from '../../../capture/kernel/crash.ts';
import { dmesgLines } from '../../../capture/kernel/dmesg-text.ts';
import { panicReason } from '../../../capture/kernel/panic-line.ts';
import { stampOf } from '../../../capture/storage/manifest.ts';
import { readUpTo } from '../../../capture/vmcore/elf.ts';
import { openVmcore } from '../../../capture/vmcore/open.ts';
import type { ByteSource } from '../../../capture/vmcore/source.ts';
import { openElf } from '../../support/elf-reader.ts';
import { openKdump } from '../../support/kdump-reader.ts';
import { MemorySource } from '../../support/vmcore-builder.ts';
import { SparseFile } from '../sparse-file.ts';
import type { MutantSource } from './mutant-source.ts';

const DUMP_LEVEL = 31;
/** Larger dumps are checked by their header alone, because the test readers hold files in memory. */
const MOST_CHECKED_BYTES = 32 << 20;
const MOST_CHECKED_BITMAP_BYTES = 1 << 16;
const MOST_LOG_LINES = 1 << 20;

export type Outcome = 'dump' | 'refused';

/** @throws Error that names the part of the property that does not hold. */
export function holds(source: MutantSource): Outcome {
  const outcome = failureOr(() => capture(source));
  if (source.isExhausted) throw new Error('it is read without end');
  return outcome;
}

function capture(source: ByteSource): Outcome {
  const { crash, close } = openAny(source);
  try {
    const { vmcore } = crash;
    stampOf(vmcore.vmcoreinfo.crashTimeSeconds, Date.UTC(2026, 0) / 1000);
    failureOr(() => readLog(crash));
    const { bitmap2, dumpLevel } = choosePages(crash, DUMP_LEVEL);
    const file = new SparseFile();
    const input = { ...crashFacts(crash), bitmap2, dumpLevel, codec: openNoneCodec() };
    const { counts, layout } = writeDump({ ...input, digestAlgorithm: 'none' }, file);
    if (counts.bytesWritten !== file.sizeBytes)
      throw new Error(`${counts.bytesWritten} bytes announced, ${file.sizeBytes} written`);
    if (file.sizeBytes <= MOST_CHECKED_BYTES && layout.bitmapBytes <= MOST_CHECKED_BITMAP_BYTES)
      checkDump(file.bytes());
    else if (file.head.toString('latin1', 0, 8) !== 'KDUMP   ' || (file.head[424] & 8) !== 0)
      throw new Error('the header is not that of a complete dump');
    if (vmcore.elf.programHeaders.length > 0) failureOr(() => writeElf(crash, bitmap2, dumpLevel));
    return 'dump';
  } finally {
    close();
  }
}

/** Reads everything that a capture reads except the pages, to find a base's structures. @throws Failure */
export function readAll(source: ByteSource): void {
  const { crash, close } = openAny(source);
  readLog(crash);
  choosePages(crash, DUMP_LEVEL);
  close();
}

function openAny(source: ByteSource): { crash: Crash; close: () => void } {
  if (!isKdumpFile(readUpTo(source, 0, 16))) return { crash: crashOf(openVmcore(source)), close: () => {} };
  failureOr(() => {
    finish(checkSteps(source, codecs));
    return 'dump';
  });
  const { vmcore, close } = openKdumpVmcore(source, codecs);
  return { crash: crashOf(vmcore), close };
}

const codecs = openPageCodecs(openFfi());

function readLog({ memory, vmcore }: Crash): Outcome {
  if (!memory) return 'refused';
  const lines: string[] = [];
  let count = 0;
  for (const line of dmesgLines(memory, vmcore.vmcoreinfo, [])) {
    if (++count > MOST_LOG_LINES) throw new Error('the kernel log does not end');
    if (lines.length < 1000) lines.push(line);
  }
  panicReason(lines.join(''));
  return 'dump';
}

function failureOr(run: () => Outcome): Outcome {
  try {
    return run();
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    if (!/^Cannot \S/.test(error.message))
      throw new Error(`not an error of the usual form: ${error.message}`);
    return 'refused';
  }
}

/** The other format. */
function writeElf({ vmcore }: Crash, bitmap2: Bitmap, dumpLevel: number): Outcome {
  const file = new SparseFile();
  const { bytesWritten, pagesUnreadable } = finish(elfSteps({ vmcore, bitmap2, dumpLevel }, file));
  if (bytesWritten !== file.sizeBytes) throw new Error(`an ELF core of ${file.sizeBytes} bytes`);
  if (bytesWritten > 2 * vmcore.source.sizeBytes + (64 << 20))
    throw new Error(`an ELF core of ${bytesWritten} bytes from ${vmcore.source.sizeBytes}`);
  if (bytesWritten > MOST_CHECKED_BYTES) return 'dump';
  const { dataEnd, flags } = openElf(file.bytes());
  if (dataEnd > bytesWritten) throw new Error(`an ELF core of ${bytesWritten} bytes that ends at ${dataEnd}`);
  const isMarked = (flags & 1) !== 0;
  if (isMarked && pagesUnreadable === 0 && (vmcore.elf.header.e_flags & 1) === 0)
    throw new Error('an ELF core that is marked incomplete and lacks nothing');
  return 'dump';
}

/** By a reader that shares no code with the writer, and by the program's own check. */
function checkDump(bytes: Buffer): void {
  const kdump = openKdump(bytes);
  const { header } = kdump;
  const demand = (holdsTrue: boolean, text: string) => {
    if (!holdsTrue) throw new Error(`the dump: ${text}`);
  };
  demand(header.signature === 'KDUMP   ' && header.headerVersion === 6, 'its signature');
  demand((header.status & 8) === 0, 'it is marked incomplete');
  demand((header.bitmapBlocks / 2) * header.blockSize * 8 >= header.maxMapnr64, 'its bitmaps are short');
  demand(kdump.dataEnd === bytes.length || kdump.descriptorCount === 0, 'it ends elsewhere');
  let seen = 0;
  for (let pfn = 0; pfn < header.maxMapnr64 && seen < 32; pfn++) {
    if (!kdump.isDumpable(pfn)) continue;
    seen++;
    demand(kdump.isPresent(pfn), `page ${pfn} is kept and not present`);
    demand(Buffer.isBuffer(kdump.readPage(pfn)), `page ${pfn} cannot be read`);
  }
  const { damage } = finish(checkSteps(new MemorySource(bytes), codecs));
  const unexpected = damage.filter(({ region }) => region !== 'head');
  demand(unexpected.length === 0, JSON.stringify(unexpected[0]));
}
