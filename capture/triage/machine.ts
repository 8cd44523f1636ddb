/** What a debugger reads of the machine before it answers anything: CPUs, memory sections, modules, the log. */
import type { LoadedModule } from '../autopsy/kernel.ts';
import { memoryNodes } from '../autopsy/memory/nodes.ts';
import { readZones } from '../autopsy/memory/zones.ts';
import { cpuStacks } from '../autopsy/tasks/stacks.ts';
import { attempt } from '../errors.ts';
import {
  addPage,
  addRange,
  addStruct,
  POINTER_BYTES,
  pagesPointedTo,
  pointersIn,
  type Subject,
} from './ranges.ts';

/** Larger logs are rare, and their newest lines are read record by record. */
const MOST_LOG_BYTES = 8 << 20;
/** NOTE of the registers that a CPU saved: less than a page (crash_notes in kernel/crash_core.c). */
const NOTE_BYTES = 1024;
/** With 52 bits of physical addresses. */
const MOST_ROOTS = 1 << 19;
/** Of what a module's sysfs entries are made of: more are damage. */
const MOST_ATTRIBUTE_BYTES = 16 << 10;

/** Its stacks for interrupts and exceptions, and the registers that it saved. */
export function addCpu(subject: Subject, cpu: number): void {
  const { kernel } = subject;
  const { perCpu, memory, symbols } = kernel;
  attempt(() => {
    const notes = memory.pointer(symbols.require('crash_notes'), 'crash_notes');
    addRange(subject, perCpu.address(notes, cpu), NOTE_BYTES);
  });
  for (const { start, end } of attempt(() => cpuStacks(kernel, cpu)) ?? [])
    addRange(subject, start, Number(end - start));
}

/** The memory nodes and their zones. crash opens no dump without those that have no memory: it counts the free pages of each. */
export function addNodes(subject: Subject): void {
  const { kernel } = subject;
  const cache = kernel.symbols.address('kmem_cache');
  if (cache !== undefined)
    attempt(() => addStruct(subject, kernel.memory.pointer(cache, 'kmem_cache'), 'kmem_cache'));
  readZones(kernel);
  for (const { address } of memoryNodes(kernel)) {
    for (const path of NODE_FIELDS) attempt(() => kernel.fields.number(address, path));
    addRange(subject, kernel.fields.address(address, ZONES), kernel.types.field(ZONES).sizeBytes);
  }
}

const ZONES = 'pglist_data.node_zones';

const NODE_FIELDS = [
  'pglist_data.node_start_pfn',
  'pglist_data.node_present_pages',
  'pglist_data.node_spanned_pages',
  'pglist_data.node_id',
];

/** Its static variables. */
export function addPerCpuArea(subject: Subject, cpu: number): void {
  const { perCpu, symbols } = subject.kernel;
  const start = symbols.require('__per_cpu_start');
  const end = symbols.require('__per_cpu_end');
  if (end > start && end - start < 1n << 24n)
    addRange(subject, perCpu.address(start, cpu), Number(end - start));
}

/** The table of memory sections, of which crash reads all, and the pages that it points to. */
export function addSections(subject: Subject): void {
  const { memory, symbols, vmcoreinfo } = subject.kernel;
  const action = 'find the memory sections';
  const table = vmcoreinfo.requireSymbol('mem_section', action);
  const lengthBytes = Math.min(vmcoreinfo.requireLength('mem_section', action), MOST_ROOTS) * POINTER_BYTES;
  // Without SPARSEMEM_EXTREME it is an array of sections, not of pointers to pages of them, among the image's variables.
  if (symbols.at(table) !== undefined) return;
  addRange(subject, table, lengthBytes);
  for (const root of pointersIn(subject, table, lengthBytes))
    addRange(subject, root, memory.arch.pageSizeBytes);
}

/** With its names, which the kernel keeps in its own memory. */
export function addModule(subject: Subject, { address, ranges }: LoadedModule): void {
  addStruct(subject, address, 'module');
  for (const attributes of SYSFS_OF_MODULE) attempt(() => addAttributes(subject, address, attributes));
  for (const { kind, start, sizeBytes } of ranges)
    if (!kind.endsWith('text')) addRange(subject, start, sizeBytes);
}

/** Where a module's sections are: drgn looks for them here, each with its name somewhere else. */
const SYSFS_OF_MODULE = ['module.sect_attrs', 'module.notes_attrs'];

function addAttributes(subject: Subject, module: bigint, path: string): void {
  const { fields, memory } = subject.kernel;
  const start = fields.pointer(module, path);
  if (start === 0n) return;
  const page = memory.arch.pageSizeBytes;
  const seen = new Set<bigint>();
  // How many follow is said in a way that changes between kernels: what has no pointer in it is behind the last.
  for (let done = 0; done < MOST_ATTRIBUTE_BYTES; done += page) {
    const found = pagesPointedTo(subject, start + BigInt(done), page);
    if (found.length === 0) return;
    addRange(subject, start + BigInt(done), page);
    for (const pointed of found) {
      if (seen.has(pointed)) continue;
      seen.add(pointed);
      addPage(subject, pointed);
    }
  }
}

export function addModuleText(subject: Subject, { ranges }: LoadedModule): void {
  for (const { kind, start, sizeBytes } of ranges)
    if (kind.endsWith('text')) addRange(subject, start, sizeBytes);
}

/** The rings of the log (struct printk_ringbuffer), which may be anywhere when log_buf_len made them larger. */
export function addLog(subject: Subject): void {
  const { kernel } = subject;
  const { memory, symbols, fields, types } = kernel;
  const prb = memory.pointer(symbols.require('prb'), 'prb');
  addStruct(subject, prb, 'printk_ringbuffer');
  const count = 2 ** Math.min(fields.number(prb, 'printk_ringbuffer.desc_ring.count_bits'), 26);
  const textBytes = 2 ** Math.min(fields.number(prb, 'printk_ringbuffer.text_data_ring.size_bits'), 31);
  const add = (pointer: string, lengthBytes: number) =>
    addRange(subject, fields.pointer(prb, pointer), Math.min(lengthBytes, MOST_LOG_BYTES));
  add('printk_ringbuffer.text_data_ring.data', textBytes);
  add('printk_ringbuffer.desc_ring.descs', count * types.size('prb_desc'));
  add('printk_ringbuffer.desc_ring.infos', count * types.size('printk_info'));
}
