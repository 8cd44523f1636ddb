/** Builds small ELF vmcores for tests from parts, valid or damaged. Shares no code with the reader. */
import type { ByteSource } from '../../capture/vmcore/source.ts';

/** A file in memory. */
export class MemorySource implements ByteSource {
  readonly name: string;
  readonly sizeBytes: number;
  readonly maxWindowBytes = 1 << 16;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array, name = 'memory') {
    this.#bytes = bytes;
    this.sizeBytes = bytes.length;
    this.name = name;
  }

  readAt(into: Uint8Array, offset: number): number {
    if (!Number.isSafeInteger(offset) || offset < 0) throw new RangeError(`offset ${offset}`);
    const part = this.#bytes.subarray(offset, offset + into.length);
    into.set(part);
    return part.length;
  }

  window(offset: number, lengthBytes: number): Uint8Array {
    if (lengthBytes > this.maxWindowBytes || offset < 0 || offset + lengthBytes > this.sizeBytes) {
      throw new RangeError(`window of ${lengthBytes} bytes at ${offset}`);
    }
    return this.#bytes.subarray(offset, offset + lengthBytes);
  }
}

export interface NoteSpec {
  name: string;
  type: number;
  desc: Uint8Array;
}

export interface LoadSpec {
  paddr: number | bigint;
  bytes: Uint8Array;
  vaddr?: bigint;
  /** What the header claims, if that is wrong. */
  p_offset?: bigint;
  p_filesz?: bigint;
  p_memsz?: bigint;
}

export interface VmcoreSpec {
  machine?: number;
  cpus?: number;
  /** Keys and values, or the text itself; null for no such note. */
  vmcoreinfo?: Readonly<Record<string, string | number>> | string | null;
  /** Before the CPUs' and VMCOREINFO, where the kernel puts device dumps. */
  notesFirst?: readonly NoteSpec[];
  /** After the CPUs' and VMCOREINFO. */
  notes?: readonly NoteSpec[];
  loads: readonly LoadSpec[];
  /** Where the program headers are: right after the ELF header (the default) or at the end of the file. */
  programHeaders?: 'first' | 'last';
  /** Store their count in section header 0, as is done from 65535 on. */
  extendedCount?: boolean;
  /** The alignment of each PT_LOAD's data in the file. */
  loadAlignBytes?: number;
}

const EHDR = 64;
const PHDR = 56;
const SHDR = 64;

export function buildVmcore(spec: VmcoreSpec): Uint8Array {
  const noteBytes = encodeNotes(allNotes(spec));
  const count = spec.loads.length + 1;
  const align = spec.loadAlignBytes ?? 4096;
  let end = EHDR;
  const place = (lengthBytes: number, alignBytes: number) => {
    const at = Math.ceil(end / alignBytes) * alignBytes;
    end = at + lengthBytes;
    return at;
  };
  const firstTable = spec.programHeaders !== 'last' ? place(count * PHDR, 8) : 0;
  const notesAt = place(noteBytes.length, 4);
  const loadsAt = spec.loads.map(load => place(load.bytes.length, align));
  const tableAt = firstTable || place(count * PHDR, 8);
  const sectionAt = spec.extendedCount ? place(SHDR, 8) : 0;

  const file = new Uint8Array(end);
  const view = new DataView(file.buffer);
  file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  view.setUint16(16, 4, true);
  view.setUint16(18, spec.machine ?? 62, true);
  view.setUint32(20, 1, true);
  view.setBigUint64(32, BigInt(tableAt), true);
  view.setBigUint64(40, BigInt(sectionAt), true);
  view.setUint16(52, EHDR, true);
  view.setUint16(54, PHDR, true);
  view.setUint16(56, spec.extendedCount ? 0xffff : count, true);
  if (spec.extendedCount) view.setUint32(sectionAt + 44, count, true);

  const header = (index: number, type: number, fields: readonly bigint[]) => {
    view.setUint32(tableAt + index * PHDR, type, true);
    for (const [i, field] of fields.entries()) {
      view.setBigUint64(tableAt + index * PHDR + 8 + i * 8, field, true);
    }
  };
  const noteSize = BigInt(noteBytes.length);
  header(0, 4, [BigInt(notesAt), 0n, 0n, noteSize, noteSize, 0n]);
  file.set(noteBytes, notesAt);
  spec.loads.forEach((load, i) => {
    const size = BigInt(load.bytes.length);
    header(i + 1, 1, [
      load.p_offset ?? BigInt(loadsAt[i]!),
      load.vaddr ?? 0n,
      BigInt(load.paddr),
      load.p_filesz ?? size,
      load.p_memsz ?? load.p_filesz ?? size,
      0n,
    ]);
    file.set(load.bytes, loadsAt[i]);
  });
  return file;
}

function allNotes(spec: VmcoreSpec): NoteSpec[] {
  const cpus = Array.from({ length: spec.cpus ?? 1 }, (_, cpu) => ({
    name: 'CORE',
    type: 1,
    desc: new Uint8Array(336).fill(cpu + 1),
  }));
  const keys = spec.vmcoreinfo === undefined ? { OSRELEASE: '6.1.0', PAGESIZE: 4096 } : spec.vmcoreinfo;
  const info = keys === null ? [] : [{ name: 'VMCOREINFO', type: 0, desc: vmcoreinfoText(keys) }];
  return [...(spec.notesFirst ?? []), ...cpus, ...info, ...(spec.notes ?? [])];
}

export function vmcoreinfoText(keys: Readonly<Record<string, string | number>> | string): Uint8Array {
  if (typeof keys === 'string') return Buffer.from(keys, 'latin1');
  return Buffer.from(
    Object.entries(keys)
      .map(([key, value]) => `${key}=${value}\n`)
      .join(''),
    'latin1',
  );
}

export function encodeNotes(notes: readonly NoteSpec[]): Uint8Array {
  return Buffer.concat(
    notes.map(({ name, type, desc }) => {
      const nameBytes = Buffer.from(`${name}\0`, 'latin1');
      const note = Buffer.alloc(12 + roundUp(nameBytes.length, 4) + roundUp(desc.length, 4));
      note.writeUInt32LE(nameBytes.length, 0);
      note.writeUInt32LE(desc.length, 4);
      note.writeUInt32LE(type, 8);
      nameBytes.copy(note, 12);
      note.set(desc, 12 + roundUp(nameBytes.length, 4));
      return note;
    }),
  );
}

export function roundUp(value: number, to: number): number {
  return Math.ceil(value / to) * to;
}

/** Physical memory in which only those pages exist that were written. */
export class PhysicalMemory {
  readonly #pages = new Map<number, Uint8Array>();

  write(paddr: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      const page = this.page(Math.floor((paddr + done) / 4096));
      const within = (paddr + done) % 4096;
      const part = bytes.subarray(done, done + 4096 - within);
      page.set(part, within);
      done += part.length;
    }
  }

  u32(paddr: number, value: number): void {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, value, true);
    this.write(paddr, bytes);
  }

  u64(paddr: number, value: bigint): void {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, value, true);
    this.write(paddr, bytes);
  }

  /** The page's bytes. The page is created if it does not exist. */
  page(pfn: number): Uint8Array {
    let page = this.#pages.get(pfn);
    if (!page) {
      page = new Uint8Array(4096);
      this.#pages.set(pfn, page);
    }
    return page;
  }

  /** Removes a page from the vmcore. */
  remove(pfn: number): void {
    this.#pages.delete(pfn);
  }

  /** One PT_LOAD for each run of pages. */
  loads(): LoadSpec[] {
    const pfns = [...this.#pages.keys()].sort((a, b) => a - b);
    const starts = pfns.filter(pfn => !this.#pages.has(pfn - 1));
    return starts.map(start => {
      const run: Uint8Array[] = [];
      for (let pfn = start; this.#pages.has(pfn); pfn++) run.push(this.#pages.get(pfn)!);
      return { paddr: start * 4096, bytes: Buffer.concat(run) };
    });
  }
}
