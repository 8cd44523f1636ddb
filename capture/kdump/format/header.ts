/**
 * The first two blocks of a kdump-compressed file: `disk_dump_header` and `kdump_sub_header`, header version 6, as a
 * 64-bit little-endian machine lays them out (makedumpfile: diskdump_mod.h, IMPLEMENTATION).
 */
import { DumpFormatError } from '../../errors.ts';

export const KDUMP_SIGNATURE = 'KDUMP   ';
export const HEADER_VERSION = 6;
/** The header has one block to itself. */
export const DISKDUMP_HEADER_BLOCKS = 1;
export const DISK_DUMP_HEADER_BYTES = 464;
export const KDUMP_SUB_HEADER_BYTES = 104;

/**
 * In `status`: some pages are missing. makedumpfile sets it when the disk is full; crash then treats a page whose
 * descriptor has offset 0 as missing, where it would otherwise report a damaged file.
 */
export const DUMP_DH_COMPRESSED_INCOMPLETE = 0x8;

const UTSNAME_FIELDS = ['sysname', 'nodename', 'release', 'version', 'machine', 'domainname'] as const;
const UTSNAME_FIELD_BYTES = 65;
const MAX_UINT32 = 0xffff_ffff;

export type Utsname = Readonly<Record<(typeof UTSNAME_FIELDS)[number], string>>;

export interface DiskDumpHeader {
  readonly signature: string;
  readonly header_version: number;
  readonly utsname: Utsname;
  /** The time of the crash: seconds and microseconds since 1970. */
  readonly timestamp: { readonly tv_sec: number; readonly tv_usec: number };
  readonly status: number;
  readonly block_size: number;
  /** In blocks; includes the notes. */
  readonly sub_hdr_size: number;
  /** In blocks, both bitmaps. */
  readonly bitmap_blocks: number;
  /** The lower 32 bits at most; `max_mapnr_64` is the full number. */
  readonly max_mapnr: number;
  readonly nr_cpus: number;
}

export interface KdumpSubHeader {
  /** The kernel's physical address minus the one it was linked to: an unsigned long that may wrap. */
  readonly phys_base: bigint;
  readonly dump_level: number;
  readonly split: number;
  readonly offset_vmcoreinfo: number;
  readonly size_vmcoreinfo: number;
  readonly offset_note: number;
  readonly size_note: number;
  readonly offset_eraseinfo: number;
  readonly size_eraseinfo: number;
  readonly start_pfn_64: number;
  readonly end_pfn_64: number;
  readonly max_mapnr_64: number;
}

/** A block is a page of the crashed kernel. */
export function isBlockSize(sizeBytes: number): boolean {
  return sizeBytes >= 4096 && sizeBytes <= 65536 && (sizeBytes & (sizeBytes - 1)) === 0;
}

export function encodeDiskDumpHeader(header: DiskDumpHeader): Uint8Array {
  const bytes = new Uint8Array(DISK_DUMP_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  writeText(bytes, 0, 8, header.signature);
  view.setInt32(8, header.header_version, true);
  for (const [i, name] of UTSNAME_FIELDS.entries()) {
    // The last byte stays NUL: readers treat these fields as C strings.
    writeText(bytes, 12 + i * UTSNAME_FIELD_BYTES, UTSNAME_FIELD_BYTES - 1, header.utsname[name]);
  }
  view.setBigInt64(408, BigInt(header.timestamp.tv_sec), true);
  view.setBigInt64(416, BigInt(header.timestamp.tv_usec), true);
  view.setUint32(424, header.status, true);
  view.setInt32(428, header.block_size, true);
  view.setInt32(432, header.sub_hdr_size, true);
  view.setUint32(436, header.bitmap_blocks, true);
  view.setUint32(440, Math.min(header.max_mapnr, MAX_UINT32), true);
  // total_ram_blocks, device_blocks, written_blocks and current_cpu (444 to 459) are diskdump's; kdump leaves them 0.
  view.setInt32(460, header.nr_cpus, true);
  return bytes;
}

/** @throws DumpFormatError for bytes that cannot be the header of a kdump-compressed file. */
export function decodeDiskDumpHeader(bytes: Uint8Array): DiskDumpHeader {
  const view = viewOf(bytes, DISK_DUMP_HEADER_BYTES, 'disk_dump_header');
  const header: DiskDumpHeader = {
    signature: readText(bytes, 0, 8),
    header_version: view.getInt32(8, true),
    utsname: decodeUtsname(bytes),
    timestamp: { tv_sec: Number(view.getBigInt64(408, true)), tv_usec: Number(view.getBigInt64(416, true)) },
    status: view.getUint32(424, true),
    block_size: view.getInt32(428, true),
    sub_hdr_size: view.getInt32(432, true),
    bitmap_blocks: view.getUint32(436, true),
    max_mapnr: view.getUint32(440, true),
    nr_cpus: view.getInt32(460, true),
  };
  const { signature, header_version, block_size, sub_hdr_size } = header;
  if (signature !== KDUMP_SIGNATURE) refuse('signature', JSON.stringify(signature), `"${KDUMP_SIGNATURE}"`);
  if (header_version < 1 || header_version > HEADER_VERSION) {
    refuse('header_version', `${header_version}`, `1 to ${HEADER_VERSION}`);
  }
  if (!isBlockSize(block_size)) {
    refuse('block_size', `${block_size}`, 'a power of two from 4096 to 65536');
  }
  if (sub_hdr_size < 1) refuse('sub_hdr_size', `${sub_hdr_size}`, 'one block or more');
  return header;
}

export function encodeKdumpSubHeader(sub: KdumpSubHeader): Uint8Array {
  const bytes = new Uint8Array(KDUMP_SUB_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, BigInt.asUintN(64, sub.phys_base), true);
  view.setInt32(8, sub.dump_level, true);
  view.setInt32(12, sub.split, true);
  view.setBigUint64(16, BigInt(Math.min(sub.start_pfn_64, MAX_UINT32)), true); // start_pfn
  view.setBigUint64(24, BigInt(Math.min(sub.end_pfn_64, MAX_UINT32)), true); // end_pfn
  view.setBigUint64(32, BigInt(sub.offset_vmcoreinfo), true);
  view.setBigUint64(40, BigInt(sub.size_vmcoreinfo), true);
  view.setBigUint64(48, BigInt(sub.offset_note), true);
  view.setBigUint64(56, BigInt(sub.size_note), true);
  view.setBigUint64(64, BigInt(sub.offset_eraseinfo), true);
  view.setBigUint64(72, BigInt(sub.size_eraseinfo), true);
  view.setBigUint64(80, BigInt(sub.start_pfn_64), true);
  view.setBigUint64(88, BigInt(sub.end_pfn_64), true);
  view.setBigUint64(96, BigInt(sub.max_mapnr_64), true);
  return bytes;
}

/** Reads a sub header of version 6. @throws DumpFormatError for bytes that cannot be one. */
export function decodeKdumpSubHeader(bytes: Uint8Array): KdumpSubHeader {
  const view = viewOf(bytes, KDUMP_SUB_HEADER_BYTES, 'kdump_sub_header');
  const number = (name: string, offset: number): number => {
    const value = view.getBigUint64(offset, true);
    if (value > BigInt(Number.MAX_SAFE_INTEGER))
      refuse(name, `0x${value.toString(16)}`, 'a value below 2^53');
    return Number(value);
  };
  return {
    phys_base: view.getBigUint64(0, true),
    dump_level: view.getInt32(8, true),
    split: view.getInt32(12, true),
    offset_vmcoreinfo: number('offset_vmcoreinfo', 32),
    size_vmcoreinfo: number('size_vmcoreinfo', 40),
    offset_note: number('offset_note', 48),
    size_note: number('size_note', 56),
    offset_eraseinfo: number('offset_eraseinfo', 64),
    size_eraseinfo: number('size_eraseinfo', 72),
    start_pfn_64: number('start_pfn_64', 80),
    end_pfn_64: number('end_pfn_64', 88),
    max_mapnr_64: number('max_mapnr_64', 96),
  };
}

function decodeUtsname(bytes: Uint8Array): Utsname {
  const text = (i: number) => readText(bytes, 12 + i * UTSNAME_FIELD_BYTES, UTSNAME_FIELD_BYTES);
  const [sysname, nodename, release, version, machine, domainname] = UTSNAME_FIELDS.map((_, i) => text(i));
  return { sysname, nodename, release, version, machine, domainname };
}

function writeText(bytes: Uint8Array, offset: number, sizeBytes: number, text: string): void {
  new TextEncoder().encodeInto(text, bytes.subarray(offset, offset + sizeBytes));
}

function readText(bytes: Uint8Array, offset: number, sizeBytes: number): string {
  const field = bytes.subarray(offset, offset + sizeBytes);
  const end = field.indexOf(0);
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
}

function viewOf(bytes: Uint8Array, sizeBytes: number, struct: string): DataView {
  if (bytes.length < sizeBytes) refuse(struct, `${bytes.length} bytes`, `${sizeBytes}`);
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function refuse(field: string, actual: string, wanted: string): never {
  throw new DumpFormatError('DUMP_HEADER_INVALID', {
    action: `read the dump's ${field}`,
    actual,
    wanted,
  });
}
