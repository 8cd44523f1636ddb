/**
 * The device tree of the crash kernel: that of the running one, with the words under /chosen that say where its initrd and
 * its memory are and where the crashed kernel's memory is described (Linux drivers/of/kexec.c; Documentation/devicetree/bindings
 * and dt-schema's chosen.yaml).
 */
import { Buffer } from 'node:buffer';
import { Failure } from '../../../../capture/errors.ts';
import { cells, childOf, type DeviceTree, textProperty } from './device-tree.ts';
import type { MemoryRange } from './memory-map.ts';

export interface CrashTreeFacts {
  readonly commandLine: string;
  readonly initrd: MemoryRange;
  readonly coreHeader: MemoryRange;
  /** All that the crash kernel may use: the range that it is loaded into first. */
  readonly usable: readonly MemoryRange[];
}

/**
 * Of the running kernel's boot: seeds were used up, and what was placed for it is not for the crash kernel. linux,uefi-* stay:
 * by them the crash kernel finds ACPI.
 */
const DROPPED = [
  'kaslr-seed',
  'rng-seed',
  'linux,initrd-start',
  'linux,initrd-end',
  'linux,elfcorehdr',
  'linux,usable-memory-range',
  'linux,booted-from-kexec',
  'linux,ima-kexec-buffer',
  'linux,kho-fdt',
  'linux,kho-scratch',
];

/** Changes the tree. @throws Failure when an address does not fit the tree's cells. */
export function makeCrashTree(
  tree: DeviceTree,
  { commandLine, initrd, coreHeader, usable }: CrashTreeFacts,
): void {
  const chosen = childOf(tree.root, 'chosen').properties;
  for (const name of DROPPED) chosen.delete(name);
  const [address, size] = ['#address-cells', '#size-cells'].map(
    (name, index) => tree.root.properties.get(name)?.readUInt32BE(0) ?? DEFAULT_CELLS[index]!,
  ) as [number, number];
  const ranges = (list: readonly MemoryRange[]) =>
    Buffer.concat(list.flatMap(({ start, end }) => [wide(start, address), wide(end - start, size)]));
  chosen.set('bootargs', textProperty(commandLine));
  chosen.set('linux,initrd-start', wide(initrd.start, 2));
  chosen.set('linux,initrd-end', wide(initrd.end, 2));
  chosen.set('linux,elfcorehdr', ranges([coreHeader]));
  chosen.set('linux,usable-memory-range', ranges(usable));
}

/** Devicetree Specification v0.4, 2.3.5. */
const DEFAULT_CELLS = [2, 1];

function wide(value: number, count: number): Buffer {
  const [high, low] = [Math.floor(value / 2 ** 32), value % 2 ** 32];
  if (count === 2) return cells(high, low);
  if (count === 1 && high === 0) return cells(low);
  throw new Failure('DEVICE_TREE_CELLS', {
    action: 'load the crash kernel by kexec_load',
    actual: `the device tree has ${count} cells for an address like 0x${value.toString(16)}`,
    wanted: 'one cell for addresses below 4 GiB, or two',
  });
}
