/** Where a dump has BTF: that of vmlinux in its read-only data, those of modules in a list of the BPF subsystem. */
import { AutopsyError } from '../../errors.ts';
import type { KernelMemory } from '../../kernel/memory.ts';
import type { Vmcoreinfo } from '../../vmcore/vmcoreinfo.ts';
import { occurrences, readHeld } from '../image-scan.ts';
import type { DeadKernel } from '../kernel.ts';
import { listEntries } from '../lists.ts';
import { type OpenTable, type Table, wholeTable } from '../table.ts';
import { Btf } from './btf.ts';
import { decodeBtfHeader, HEADER_BYTES, MOST_BTF_BYTES } from './btf-format.ts';
import { Layouts } from './layouts.ts';

const ACTION = 'read the types of the kernel (BTF)';
/** btf_header of all kernels: magic, version 1, no flags, 24 bytes. */
const HEAD = new Uint8Array([0x9f, 0xeb, 1, 0, HEADER_BYTES, 0, 0, 0]);
/** Of other BTF in the image, which belongs to BPF programs that the kernel ships. */
const LEAST_TYPES_BYTES = 1 << 16;
const MOST_MODULES = 4096;
/** That of amdgpu has some 2 MiB. */
const MOST_MODULE_BTF_BYTES = 8 << 20;

/**
 * @param address of a symbol of vmlinux. Kernels that have only functions in kallsyms lack __start_BTF; then the image is
 * searched.
 * @throws AutopsyError NO_BTF, BTF_HEADER; KernelError
 */
export function vmlinuxLayouts(
  memory: KernelMemory,
  vmcoreinfo: Vmcoreinfo,
  address: (name: string) => bigint | undefined,
  openTable: OpenTable,
): Layouts {
  const start = address('__start_BTF');
  const end = address('__stop_BTF');
  if (start !== undefined && end !== undefined && end > start && end - start <= BigInt(MOST_BTF_BYTES))
    return new Layouts(new Btf(openTable(start, Number(end - start))));
  return new Layouts(new Btf(scanned(memory, vmcoreinfo.requireSymbol('_stext', ACTION), openTable)));
}

function scanned(memory: KernelMemory, from: bigint, openTable: OpenTable): Table {
  for (const at of occurrences(memory, from, HEAD)) {
    const header = readHeld(memory, at, HEADER_BYTES);
    if (header.length < HEADER_BYTES) continue;
    const { hdr_len, type_off, type_len, str_off, str_len } = decodeBtfHeader(header);
    const lengthBytes = hdr_len + str_off + str_len;
    const isOurs = type_off === 0 && str_off === type_len && type_len >= LEAST_TYPES_BYTES;
    if (isOurs && lengthBytes <= MOST_BTF_BYTES) return openTable(at, lengthBytes);
  }
  throw new AutopsyError('NO_BTF', {
    action: ACTION,
    actual: 'the image of the kernel does not have them',
    wanted: 'CONFIG_DEBUG_INFO_BTF=y, and a dump that holds the data of the kernel',
  });
}

/**
 * Those of the module and of vmlinux. (btf_module_notify() in kernel/bpf/btf.c; Linux v5.11)
 * @param module the address of its `struct module`.
 * @throws AutopsyError NO_MODULE_BTF, BTF_HEADER; KernelError
 */
export function moduleLayouts(
  { memory, types, fields, symbols }: Pick<DeadKernel, 'memory' | 'types' | 'fields' | 'symbols'>,
  vmlinux: Layouts,
  module: { readonly name: string; readonly address: bigint },
): Layouts {
  const head = symbols.require('btf_modules');
  for (const entry of listEntries({ memory, types }, head, 'btf_module.list', MOST_MODULES)) {
    if (fields.pointer(entry, 'btf_module.module') !== module.address) continue;
    const btf = fields.pointer(entry, 'btf_module.btf');
    const lengthBytes = Math.min(fields.number(btf, 'btf.data_size'), MOST_MODULE_BTF_BYTES);
    return new Layouts(
      new Btf(wholeTable(readHeld(memory, fields.pointer(btf, 'btf.data'), lengthBytes)), vmlinux.btf),
      vmlinux,
    );
  }
  throw new AutopsyError('NO_MODULE_BTF', {
    action: `look up types of the module ${module.name}`,
    actual: 'the crashed kernel had no BTF of it',
    wanted: 'CONFIG_DEBUG_INFO_BTF_MODULES=y',
  });
}
