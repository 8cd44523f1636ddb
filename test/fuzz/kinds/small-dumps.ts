/** Small valid dumps of one built machine, in every format and codec, with the numbers in them that readers use. */
import { openCodec } from '../../../capture/codecs/open.ts';
import { CODEC_NAMES } from '../../../capture/codecs/table.ts';
import { elfSteps } from '../../../capture/elf/writer.ts';
import { openFfi } from '../../../capture/ffi/library.ts';
import { splitPfns } from '../../../capture/kdump/combine/split.ts';
import type { DumpDigest } from '../../../capture/kdump/format/digest.ts';
import { openFlattenedSink } from '../../../capture/kdump/format/flattened.ts';
import { finish } from '../../../capture/kdump/steps.ts';
import { choosePages, crashFacts } from '../../../capture/kdump/write/input.ts';
import { writeDump } from '../../../capture/kdump/write/writer.ts';
import { type Crash, openCrash } from '../../../capture/kernel/crash.ts';
import { KernelBuilder } from '../../support/kernel-builder.ts';
import { Random } from '../../support/random.ts';
import { MemorySource } from '../../support/vmcore-builder.ts';
import type { Field } from '../mutate/bytes.ts';
import { SparseFile } from '../sparse-file.ts';

export interface SmallDump {
  readonly name: string;
  readonly bytes: Buffer;
  readonly fields: readonly Field[];
}

export interface KdumpDump extends SmallDump {
  readonly digest: DumpDigest;
}

const PAGE = 4096;
const EXTRA_PAGES = 40;
const FIRST_EXTRA_PFN = 0x900;
const DUMP_LEVELS = [0, 1] as const;
const CODECS_TO_TRY = ['none', ...CODEC_NAMES] as const;

/** A kernel with a log, and pages of every kind: text, zeros, noise, nearly zeros. */
export function smallVmcore(): Uint8Array {
  const random = new Random(1);
  const builder = new KernelBuilder({
    records: Array.from({ length: 12 }, (_, i) => ({ text: `line ${i} of the crashed kernel's log` })),
    vmcoreinfo: { CRASHTIME: 1_790_000_000 },
  });
  for (let i = 0; i < EXTRA_PAGES; i++) {
    const page = builder.memory.page(FIRST_EXTRA_PFN + i + (i > 20 ? 100 : 0));
    if (i % 4 === 0) page.set(Buffer.from(`page ${i} of the machine's memory. `.repeat(120)));
    if (i % 4 === 1) page.set(random.bytes(PAGE));
    if (i % 4 === 2) page[PAGE - 1] = i;
  }
  return builder.build();
}

export function smallCrash(): Crash {
  return openCrash(new MemorySource(smallVmcore()));
}

export function kdumpDumps(): KdumpDump[] {
  const crash = smallCrash();
  return DUMP_LEVELS.flatMap(level => CODECS_TO_TRY.map(codec => kdumpOf(crash, codec, level)));
}

function kdumpOf(crash: Crash, name: (typeof CODECS_TO_TRY)[number], level: number): KdumpDump {
  const file = new SparseFile();
  const { digest } = writeKdump(crash, name, level, file, 'crc32');
  const bytes = file.bytes();
  return { name: `${name}, level ${level}`, bytes, fields: kdumpFields(bytes), digest };
}

function writeKdump(
  crash: Crash,
  name: (typeof CODECS_TO_TRY)[number],
  level: number,
  sink: Parameters<typeof writeDump>[1],
  digestAlgorithm: 'crc32' | 'none',
  pfns?: { start: number; end: number },
) {
  const codec = openCodec(openFfi(), { name, pageSizeBytes: PAGE });
  try {
    const { bitmap2, dumpLevel } = choosePages(crash, level);
    const input = { ...crashFacts(crash), bitmap2, dumpLevel, codec, digestAlgorithm };
    return writeDump({ ...input, ...(pfns && { pfns }) }, sink);
  } finally {
    codec.close();
  }
}

/** The same dumps as streams. */
export function flattenedDumps(): (SmallDump & { readonly dump: KdumpDump })[] {
  const crash = smallCrash();
  return kdumpDumps().map((dump, i) => {
    const pieces: Uint8Array[] = [];
    const sink = openFlattenedSink(piece => pieces.push(piece.slice()));
    const level = DUMP_LEVELS[Math.floor(i / CODECS_TO_TRY.length)]!;
    writeKdump(crash, CODECS_TO_TRY[i % CODECS_TO_TRY.length]!, level, sink, 'none');
    sink.end();
    const bytes = Buffer.concat(pieces);
    return { name: `flattened, ${dump.name}`, bytes, fields: recordFields(bytes), dump };
  });
}

export interface SplitSet {
  readonly name: string;
  readonly parts: readonly SmallDump[];
  /** The dump that the parts make together. */
  readonly dump: KdumpDump;
}

export function splitSets(): SplitSet[] {
  const crash = smallCrash();
  return kdumpDumps().map((dump, i) => {
    const codec = CODECS_TO_TRY[i % CODECS_TO_TRY.length]!;
    const level = DUMP_LEVELS[Math.floor(i / CODECS_TO_TRY.length)]!;
    const { bitmap2 } = choosePages(crash, level);
    const parts = splitPfns(bitmap2, 2 + (i % 3), 64).map((pfns, part) => {
      const file = new SparseFile();
      writeKdump(crash, codec, level, file, 'none', pfns);
      const bytes = file.bytes();
      return { name: `part ${part}`, bytes, fields: kdumpFields(bytes) };
    });
    return { name: `split, ${dump.name}`, parts, dump };
  });
}

export function elfDump(): SmallDump {
  const crash = smallCrash();
  const { bitmap2, dumpLevel } = choosePages(crash, 0);
  const file = new SparseFile();
  finish(elfSteps({ vmcore: crash.vmcore, bitmap2, dumpLevel }, file));
  const bytes = file.bytes();
  return { name: 'ELF', bytes, fields: elfFields(bytes) };
}

function kdumpFields(bytes: Buffer): Field[] {
  const u32 = (name: string, offset: number): Field => ({ name, offset, lengthBytes: 4 });
  const u64 = (name: string, offset: number): Field => ({ name, offset, lengthBytes: 8 });
  const sub = ['offset_vmcoreinfo', 'size_vmcoreinfo', 'offset_note', 'size_note', 'offset_eraseinfo'];
  const fields = [
    u64('signature', 0),
    u32('header_version', 8),
    u64('tv_sec', 408),
    u32('status', 424),
    u32('block_size', 428),
    u32('sub_hdr_size', 432),
    u32('bitmap_blocks', 436),
    u32('max_mapnr', 440),
    u32('nr_cpus', 460),
    u64('phys_base', PAGE),
    u32('dump_level', PAGE + 8),
    u32('split', PAGE + 12),
    u64('start_pfn', PAGE + 16),
    u64('end_pfn', PAGE + 24),
    ...sub.map((name, i) => u64(name, PAGE + 32 + 8 * i)),
    ...['size_eraseinfo', 'start_pfn_64', 'end_pfn_64', 'max_mapnr_64'].map((name, i) =>
      u64(name, PAGE + 72 + 8 * i),
    ),
  ];
  const noteAt = Number(bytes.readBigUInt64LE(PAGE + 48));
  fields.push(...['n_namesz', 'n_descsz', 'n_type'].map((name, i) => u32(name, noteAt + 4 * i)));
  const descriptorsAt = (1 + bytes.readInt32LE(432) + bytes.readUInt32LE(436)) * PAGE;
  for (const index of [0, 1, 2, 3, 10, 20]) {
    const at = descriptorsAt + index * 24;
    fields.push(u64(`offset of page ${index}`, at), u32(`size of page ${index}`, at + 8));
    fields.push(u32(`flags of page ${index}`, at + 12), u64(`page_flags of page ${index}`, at + 16));
  }
  return fields;
}

function recordFields(bytes: Buffer): Field[] {
  const fields: Field[] = [
    { name: 'type', offset: 16, lengthBytes: 8, isBigEndian: true },
    { name: 'version', offset: 24, lengthBytes: 8, isBigEndian: true },
  ];
  for (let at = 4096, index = 0; at + 16 <= bytes.length; index++) {
    fields.push({ name: `offset of record ${index}`, offset: at, lengthBytes: 8, isBigEndian: true });
    fields.push({ name: `size of record ${index}`, offset: at + 8, lengthBytes: 8, isBigEndian: true });
    const size = bytes.readBigInt64BE(at + 8);
    if (size < 0n) break;
    at += 16 + Number(size);
  }
  return fields;
}

export function elfFields(bytes: Buffer): Field[] {
  const u16 = (name: string, offset: number): Field => ({ name, offset, lengthBytes: 2 });
  const u64 = (name: string, offset: number): Field => ({ name, offset, lengthBytes: 8 });
  const fields = [
    u16('e_type', 16),
    u16('e_machine', 18),
    u64('e_phoff', 32),
    u64('e_shoff', 40),
    { name: 'e_flags', offset: 48, lengthBytes: 4 },
    u16('e_phentsize', 54),
    u16('e_phnum', 56),
  ];
  const tableAt = Number(bytes.readBigUInt64LE(32));
  for (let index = 0; index < bytes.readUInt16LE(56); index++) {
    const at = tableAt + index * 56;
    fields.push({ name: `p_type ${index}`, offset: at, lengthBytes: 4 });
    for (const [i, name] of ['p_offset', 'p_vaddr', 'p_paddr', 'p_filesz', 'p_memsz'].entries())
      fields.push(u64(`${name} ${index}`, at + 8 + 8 * i));
  }
  return fields;
}
