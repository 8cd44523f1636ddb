/**
 * The addresses of what the kernel exports to modules, without kallsyms: the table of EXPORT_SYMBOL (struct kernel_symbol in
 * include/linux/export.h, with relative addresses: CONFIG_HAVE_ARCH_PREL32_RELOCATIONS, which x86 and arm64 set) is in the
 * read-only data, before the names that it points to.
 */
import type { KernelMemory } from '../../kernel/memory.ts';
import { occurrences, readWithGaps } from '../image-scan.ts';

/** Exported by all kernels (init/init_task.c); it leads to the table. */
const KNOWN = 'init_task';
/** Offsets of the value, of the name and of the namespace's name, each from its own place. (Linux 8651ec01daed, v5.4) */
const ENTRY_BYTES = 12;
const NAME_AT = 4;
const NAMESPACE_AT = 8;
/** Both tables, their checksums and the names: Debian's kernels have 0.6 MB. */
const REACH_BYTES = 2 << 20;
/** Kernels export some 10,000 names; fewer in a row are no table. */
const LEAST_ENTRIES = 100;
/** KSYM_NAME_LEN; Rust has long ones. */
const LONGEST_NAME = 512;
const IDENTIFIER = /^[A-Za-z_]\w*$/;
/** Or modules: `module:kvm-intel,kvm-amd` (EXPORT_SYMBOL_FOR_MODULES). */
const NAMESPACE = /^[\w:,*-]*$/;

/**
 * @param from where the search begins: the end of the code.
 * @returns name -> address, of functions and per-CPU variables, too. Empty where the dump does not have the table.
 */
export function exportedAddresses(memory: KernelMemory, from: bigint): ReadonlyMap<string, bigint> {
  const tried = new Set<bigint>();
  for (const found of occurrences(memory, from, Buffer.from(`${KNOWN}\0`, 'latin1'))) {
    if (tried.has(found)) continue;
    tried.add(found);
    const exports = tableNaming(memory, from, found);
    if (exports.size >= LEAST_ENTRIES) return exports;
  }
  return new Map();
}

/** @param name where the name of a symbol in the table is. */
function tableNaming(memory: KernelMemory, from: bigint, name: bigint): Map<string, bigint> {
  const reach = name - from < BigInt(REACH_BYTES) ? Number(name - from) : REACH_BYTES;
  const start = (name - BigInt(reach) + 3n) & ~3n;
  const bytes = readWithGaps(memory, start, 2 * REACH_BYTES);
  const target = Number(name - start);
  const words = new Int32Array(bytes.buffer, bytes.byteOffset, target >> 2);
  for (let i = 0; i < words.length; i++) {
    if (4 * i + words[i]! !== target) continue;
    const entries = entriesAround(bytes, 4 * i - NAME_AT);
    if (entries.length < LEAST_ENTRIES) continue;
    const addressOf = (entry: number) => BigInt.asUintN(64, start + BigInt(entry + bytes.readInt32LE(entry)));
    return new Map(entries.map(entry => [nameAt(bytes, entry)!, addressOf(entry)]));
  }
  return new Map();
}

/** Offsets of all entries in a row with one of them. */
function entriesAround(bytes: Buffer, known: number): number[] {
  let first = known;
  while (nameAt(bytes, first - ENTRY_BYTES) !== undefined) first -= ENTRY_BYTES;
  const entries: number[] = [];
  for (let at = first; nameAt(bytes, at) !== undefined; at += ENTRY_BYTES) entries.push(at);
  return entries;
}

/** Undefined for what is no entry. Its name may be the end of a longer one: the linker merges them. */
function nameAt(bytes: Buffer, entry: number): string | undefined {
  if (entry < 0 || entry + ENTRY_BYTES > bytes.length) return undefined;
  const name = textAt(bytes, entry + NAME_AT);
  const namespace = textAt(bytes, entry + NAMESPACE_AT);
  if (name === undefined || namespace === undefined) return undefined;
  return IDENTIFIER.test(name) && NAMESPACE.test(namespace) ? name : undefined;
}

/** The text to which the word at this place points, from there. */
function textAt(bytes: Buffer, word: number): string | undefined {
  const at = word + bytes.readInt32LE(word);
  const end = at < 0 || at >= bytes.length ? -1 : bytes.indexOf(0, at);
  return end < 0 || end - at > LONGEST_NAME ? undefined : bytes.toString('latin1', at, end);
}
