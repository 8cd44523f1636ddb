/**
 * The crashed kernel's log: struct printk_ringbuffer (Linux 5.10 and later, kernel/printk/printk_ringbuffer.{c,h}), described
 * in vmcoreinfo by log_buf_vmcoreinfo_setup(). It has a ring of descriptors, a ring of infos with the same indexes, and a
 * ring of text blocks. A descriptor's state_var holds its id and, in the two top bits, its state.
 */
import { counted, KernelError } from '../errors.ts';
import type { Vmcoreinfo } from '../vmcore/vmcoreinfo.ts';
import type { KernelMemory } from './memory.ts';
import { decodePrintkLayout, type PrintkLayout } from './printk-layout.ts';

export interface PrintkRecord {
  readonly seq: bigint;
  readonly timestampNs: bigint;
  /** Undefined when the layout of printk_info is unknown. */
  readonly level: number | undefined;
  readonly facility: number | undefined;
  /** A CPU number if the top bit is set, otherwise a thread id. */
  readonly callerId: number | undefined;
  /** As the kernel stored it: any bytes, lines separated by newlines, without the final one. */
  readonly text: Uint8Array;
}

const DESC_COMMITTED = 1;
const DESC_FINALIZED = 2;
const DESC_ID_MASK = (1n << 62n) - 1n;
/** Of the upper 32 bits of a state_var: the id's, and where the state begins. */
const HIGH_ID_MASK = 2 ** 30 - 1;
const HIGH_FLAGS_SHIFT = 30;
/** Each text block begins with its descriptor's id. */
const BLOCK_ID_BYTES = 8;

/** log_buf_len is at most 2 GiB, with a descriptor for each 32 bytes of it. */
const MAX_SIZE_BITS = 31;
const MAX_COUNT_BITS = 26;
/** How many descriptors are read at once: the rings of a large machine are larger than the capture kernel's memory. */
const CHUNK_RECORDS = 512;
/** Of the text ring, in which the blocks of a log follow each other. */
const TEXT_WINDOW_BYTES = 16 << 10;

interface Rings {
  readonly descs: bigint;
  readonly infos: bigint;
  readonly count: number;
  readonly tailId: bigint;
  readonly headId: bigint;
  readonly text: bigint;
  readonly textBytes: number;
}

/** A descriptor's id, of 62 bits, in two numbers: a capture runs uncompiled, where each bigint costs as much as a record. */
interface DescId {
  readonly low: number;
  readonly high: number;
}

/**
 * The log's committed and finalized records, oldest first, like makedumpfile. Invalid and unreadable records are left out,
 * and counted in `warnings` at the end.
 * @throws KernelError when the ring buffer as a whole cannot be found.
 */
export function* printkRecords(
  memory: KernelMemory,
  vmcoreinfo: Vmcoreinfo,
  warnings: string[],
): Generator<PrintkRecord, void> {
  const layout = decodePrintkLayout(vmcoreinfo);
  const rings = readRings(memory, vmcoreinfo, layout, warnings);
  const descs = new Uint8Array(CHUNK_RECORDS * layout.descBytes);
  const infos = new Uint8Array(CHUNK_RECORDS * layout.infoBytes);
  const [descView, infoView] = [new DataView(descs.buffer), new DataView(infos.buffer)];
  const text = new TextRing(memory, rings);
  let [nonsense, unreadable, blockBytes] = [0, 0, 0];
  let skip = 1;

  let id = idOf(rings.tailId);
  let left = Number((rings.headId - rings.tailId) & DESC_ID_MASK) + 1;
  while (left > 0) {
    const index = id.low & (rings.count - 1);
    const wanted = Math.min(left, rings.count - index, CHUNK_RECORDS);
    const readable = Math.min(
      readRecords(memory, rings.descs, index, descs, wanted, layout.descBytes),
      readRecords(memory, rings.infos, index, infos, wanted, layout.infoBytes),
    );
    for (let i = 0; i < readable; i++) {
      const recordId = idAfter(id, i);
      const block = locateBlock(descView, i * layout.descBytes, recordId, layout, rings);
      if (block === 'none') continue;
      // Each block is stored once: more text than the ring has bytes means that the ring is damaged.
      if (block !== 'nonsense') blockBytes += block.lengthBytes;
      if (blockBytes > rings.textBytes) {
        warnings.push(
          `the kernel log ends early: its descriptors claim more than the ${rings.textBytes} bytes of text that it has`,
        );
        return;
      }
      const record =
        block === 'nonsense'
          ? block
          : readRecord(text, infoView, i * layout.infoBytes, recordId, layout, block);
      if (record === 'nonsense') nonsense++;
      else if (record === 'unreadable') unreadable++;
      else yield record;
    }
    // Skip unreadable records in growing steps: a ring that is missing entirely must not take minutes.
    const skipped = readable < wanted ? Math.min(skip, wanted - readable) : 0;
    skip = readable > 0 ? 1 : Math.min(skip * 2, CHUNK_RECORDS);
    unreadable += skipped;
    id = idAfter(id, readable + skipped);
    left -= readable + skipped;
  }
  if (nonsense > 0) warnings.push(`${counted(nonsense, 'invalid record')} of the kernel log left out`);
  if (unreadable > 0) warnings.push(`${counted(unreadable, 'unreadable record')} of the kernel log left out`);
}

function readRings(
  memory: KernelMemory,
  vmcoreinfo: Vmcoreinfo,
  layout: PrintkLayout,
  warnings: string[],
): Rings {
  const prb = memory.pointer(vmcoreinfo.requireSymbol('prb', 'read the kernel log'), 'the pointer prb');
  const bytes = memory.readVirtual(prb, layout.ringBytes, 'struct printk_ringbuffer');
  const view = new DataView(bytes.buffer);
  const countBits = bitsOf(
    view.getUint32(layout.countBits, true),
    MAX_COUNT_BITS,
    'desc_ring.count_bits',
    prb,
  );
  const sizeBits = bitsOf(
    view.getUint32(layout.sizeBits, true),
    MAX_SIZE_BITS,
    'text_data_ring.size_bits',
    prb,
  );
  const count = 2 ** countBits;
  const headId = view.getBigUint64(layout.headId, true) & DESC_ID_MASK;
  let tailId = view.getBigUint64(layout.tailId, true) & DESC_ID_MASK;
  if (((headId - tailId) & DESC_ID_MASK) >= BigInt(count)) {
    warnings.push(
      `the kernel log's ids run from ${tailId} to ${headId} in a ring of ${count}; the newest are read`,
    );
    tailId = (headId - BigInt(count - 1)) & DESC_ID_MASK;
  }
  return {
    descs: view.getBigUint64(layout.descs, true),
    infos: view.getBigUint64(layout.infos, true),
    count,
    tailId,
    headId,
    text: view.getBigUint64(layout.data, true),
    textBytes: 2 ** sizeBits,
  };
}

function idOf(id: bigint): DescId {
  return { low: Number(BigInt.asUintN(32, id)), high: Number(id >> 32n) };
}

/** @param count of 32 bits at the most. */
function idAfter({ low, high }: DescId, count: number): DescId {
  const sum = low + count;
  return sum < 2 ** 32 ? { low: sum, high } : { low: sum - 2 ** 32, high: (high + 1) & HIGH_ID_MASK };
}

function bitsOf(bits: number, max: number, field: string, prb: bigint): number {
  if (bits >= 1 && bits <= max) return bits;
  throw new KernelError(
    'PRINTK_RING',
    { action: 'read the kernel log', actual: `${field} is ${bits}`, wanted: `1 to ${max}` },
    { prb },
  );
}

/** How many of `wanted` records from `index` on could be read completely. */
function readRecords(
  memory: KernelMemory,
  ring: bigint,
  index: number,
  into: Uint8Array,
  wanted: number,
  recordBytes: number,
): number {
  const vaddr = ring + BigInt(index * recordBytes);
  return Math.floor(memory.readVirtualUpTo(vaddr, into.subarray(0, wanted * recordBytes)) / recordBytes);
}

interface Block {
  /** Where in the text ring the block begins, with its id. */
  readonly offset: number;
  readonly lengthBytes: number;
}

/** @returns `none` when the record is not committed or has no text. */
function locateBlock(
  descs: DataView,
  at: number,
  id: DescId,
  layout: PrintkLayout,
  { textBytes }: Rings,
): Block | 'none' | 'nonsense' {
  const high = descs.getUint32(at + layout.stateVar + 4, true);
  const state = high >>> HIGH_FLAGS_SHIFT;
  if (descs.getUint32(at + layout.stateVar, true) !== id.low || (high & HIGH_ID_MASK) !== id.high)
    return 'none';
  if (state !== DESC_COMMITTED && state !== DESC_FINALIZED) return 'none';
  // Positions only grow. Where one is in the ring is in its lowest bits, 31 of them at the most.
  const begin = descs.getUint32(at + layout.begin, true);
  const next = descs.getUint32(at + layout.next, true);
  // Blocks are aligned. The kernel marks a record without a block by odd positions.
  if ((begin & next & 1) === 1) return 'none';
  const beginAt = begin & (textBytes - 1);
  const nextAt = next & (textBytes - 1);
  // A block that would cross the ring's end is at its start instead. One that ends exactly there does not wrap.
  const wraps = nextAt < beginAt && nextAt > 0;
  const offset = wraps ? 0 : beginAt;
  const lengthBytes = (nextAt === 0 ? textBytes : nextAt) - offset;
  if (beginAt === nextAt || lengthBytes < BLOCK_ID_BYTES) return 'nonsense';
  return { offset, lengthBytes };
}

function readRecord(
  ring: TextRing,
  infos: DataView,
  at: number,
  id: DescId,
  layout: PrintkLayout,
  block: Block,
): PrintkRecord | 'nonsense' | 'unreadable' {
  const textBytes = Math.min(infos.getUint16(at + layout.textLen, true), block.lengthBytes - BLOCK_ID_BYTES);
  const text = ring.textAt(block.offset, textBytes, id);
  if (typeof text === 'string') return text;
  return {
    seq: infos.getBigUint64(at + layout.seq, true),
    timestampNs: infos.getBigUint64(at + layout.tsNsec, true),
    facility: layout.facility === undefined ? undefined : infos.getUint8(at + layout.facility),
    level: layout.flagsAndLevel === undefined ? undefined : infos.getUint8(at + layout.flagsAndLevel) >>> 5,
    callerId: layout.callerId === undefined ? undefined : infos.getUint32(at + layout.callerId, true),
    text,
  };
}

/** The ring of text blocks, read by windows. */
class TextRing {
  readonly #memory: KernelMemory;
  readonly #ring: Pick<Rings, 'text' | 'textBytes'>;
  #bytes = new Uint8Array(TEXT_WINDOW_BYTES);
  #view = new DataView(this.#bytes.buffer);
  /** Where in the ring the window begins, and how many bytes of it could be read. */
  #start = 0;
  #held = 0;

  constructor(memory: KernelMemory, ring: Pick<Rings, 'text' | 'textBytes'>) {
    this.#memory = memory;
    this.#ring = ring;
  }

  /** The text of the block at `offset`, as far as it can be read: half a line of the log is better than none. */
  textAt(offset: number, textBytes: number, id: DescId): Uint8Array | 'nonsense' | 'unreadable' {
    const blockBytes = BLOCK_ID_BYTES + textBytes;
    if (offset < this.#start || offset + blockBytes > this.#start + this.#held)
      this.#read(offset, blockBytes);
    const at = offset - this.#start;
    const end = Math.min(at + blockBytes, this.#held);
    if (end - at < BLOCK_ID_BYTES) return 'unreadable';
    const isOther =
      this.#view.getUint32(at, true) !== id.low || this.#view.getUint32(at + 4, true) !== id.high;
    return isOther ? 'nonsense' : this.#bytes.slice(at + BLOCK_ID_BYTES, end);
  }

  #read(offset: number, leastBytes: number): void {
    const { text, textBytes } = this.#ring;
    if (leastBytes > this.#bytes.length) {
      this.#bytes = new Uint8Array(leastBytes);
      this.#view = new DataView(this.#bytes.buffer);
    }
    const wanted = Math.min(this.#bytes.length, textBytes - offset);
    this.#start = offset;
    this.#held = this.#memory.readVirtualUpTo(text + BigInt(offset), this.#bytes.subarray(0, wanted));
  }
}
