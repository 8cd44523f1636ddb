/** What `mod` prints. */
import type { ModuleRow } from '../../../capture/autopsy/module-list.ts';
import { cell, columnLines, UNKNOWN } from './columns.ts';
import { hex } from './words.ts';

const HEADS = ['MODULE', 'NAME', 'BASE', '>SIZE', 'STATE', 'TAINTS', '>USED', 'BY'];

export function modLines(modules: readonly ModuleRow[]): string[] {
  const rows = modules.map(({ address, name, base, sizeBytes, state, taints, references, usedBy }) => [
    hex(address),
    name,
    base === undefined ? UNKNOWN : hex(base),
    String(sizeBytes),
    cell(state),
    taints === '' ? '-' : cell(taints),
    cell(references),
    usedBy.join(','),
  ]);
  return columnLines(HEADS, rows);
}

export function modData(modules: readonly ModuleRow[]) {
  return {
    modules: modules.map(({ address, base, sizeBytes, ...module }) => ({
      ...module,
      address: hex(address),
      bytes: sizeBytes,
      ...(base !== undefined && { base: hex(base) }),
    })),
  };
}
