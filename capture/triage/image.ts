/** The kernel's image: its variables, and the tables that stand in for debug symbols. Code is in vmlinux. */
import type { DeadKernel } from '../autopsy/kernel.ts';
import { type Range, withoutHoles } from '../vmcore/ranges.ts';
import { addPointees, addRange, type Subject } from './ranges.ts';

/** Symbols at the ends of each (include/asm-generic/sections.h). Constants are in vmlinux, but for those that init wrote. */
const VARIABLES = [
  ['__start_ro_after_init', '__end_ro_after_init'],
  ['_sdata', '_edata'],
  ['__bss_start', '_end'],
] as const;
/** Where only the ends of all data are known (autopsy/symbols/known-variables.ts). */
const ALL_DATA = [['_sdata', '_end']] as const;
/**
 * Among the variables, because the kernel sorts them when it boots: where it patches its own code (struct jump_entry, struct
 * static_call_site). No debugger reads them, and they are a tenth of the dump.
 */
const PATCHING = [
  ['__start___jump_table', '__stop___jump_table'],
  ['__start_static_call_sites', '__stop_static_call_sites'],
] as const;
/** free_kernel_image_pages() in arch/x86/mm/mem_encrypt.c: any use of memory may be here now, also a process. */
const FREED = [['__start_bss_decrypted_unused', '__end_bss_decrypted']] as const;
/** Constants that debuggers read all the same. `pointers`: and what is pointed to, which is text. */
const CONSTANTS: readonly { readonly name: string; readonly sizeBytes: number; readonly pointers?: true }[] =
  [
    { name: 'linux_banner', sizeBytes: 512 },
    { name: 'task_state_array', sizeBytes: 128, pointers: true },
    { name: 'pageflag_names', sizeBytes: 512, pointers: true },
    { name: 'taint_flags', sizeBytes: 512 },
    { name: 'mt_slots', sizeBytes: 16 },
    { name: 'mt_pivots', sizeBytes: 16 },
    { name: 'pv_info', sizeBytes: 16, pointers: true },
  ];
/** Constant for a build of the kernel, and several times larger than the rest: who has vmlinux needs none of them. */
const TABLES = [
  ['kallsyms_offsets', 'kallsyms_token_index'],
  ['kallsyms_names', 'kallsyms_token_index'],
  ['kallsyms_seqs_of_names', 'kallsyms_token_index'],
  ['__start_BTF', '__stop_BTF'],
  ['__start_orc_unwind_ip', '__stop_orc_unwind_ip'],
  ['__start_orc_unwind', '__stop_orc_unwind'],
] as const;
/** Larger images are damaged symbols. */
const MOST_SECTION_BYTES = 64 << 20;

export function addVariables(subject: Subject): void {
  for (const { name, sizeBytes, pointers } of CONSTANTS) {
    for (const { address } of subject.kernel.symbols.all(name)) {
      addRange(subject, address, sizeBytes);
      if (pointers) addPointees(subject, address, sizeBytes);
    }
  }
  const known = rangesOf(subject.kernel, VARIABLES);
  const sections = known.length > 0 ? VARIABLES : ALL_DATA;
  addSections(subject, sections, rangesOf(subject.kernel, [...FREED, ...PATCHING]));
}

export function addPatchingTables(subject: Subject): void {
  addSections(subject, PATCHING, []);
}

/** Of the image: libkdumpfile translates its addresses by them, where others add an offset. */
export function addPageTables({ kernel: { memory, symbols } }: Subject): void {
  const [start, end] = [symbols.address('_text') ?? symbols.require('_stext'), symbols.require('_end')];
  const { arch } = memory;
  const last = end - start > BigInt(MOST_SECTION_BYTES) ? start + BigInt(MOST_SECTION_BYTES) : end;
  // Addresses that a large leaf would cover have all their tables in common.
  const step = BigInt(arch.largeLeafBytes);
  for (let at = start; at < last; at += step - (at % step)) arch.walk(at, memory.readPhysical);
}

export function addTables(subject: Subject): void {
  addSections(subject, TABLES, []);
}

type Ends = readonly (readonly [string, string])[];

function addSections(subject: Subject, sections: Ends, holes: readonly Range<bigint>[]): void {
  for (const { start, end } of withoutHoles(rangesOf(subject.kernel, sections), holes))
    addRange(subject, start, Number(end - start));
}

function rangesOf({ symbols }: DeadKernel, ends: Ends): Range<bigint>[] {
  return ends.flatMap(([from, to]) => {
    const [start, end] = [symbols.address(from), symbols.address(to)];
    const isRange = start !== undefined && end !== undefined && end > start;
    return isRange && end - start <= BigInt(MOST_SECTION_BYTES) ? [{ start, end }] : [];
  });
}
