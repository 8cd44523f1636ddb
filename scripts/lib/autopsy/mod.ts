/** What `mod` prints. */

import { addressDigits } from '../../../capture/autopsy/hex.ts';
import type { ModuleRow } from '../../../capture/autopsy/module-list.ts';
import { cell, columnLines, UNKNOWN } from './columns.ts';

const HEADS = ['MODULE', 'NAME', 'BASE', '>SIZE', 'STATE', 'TAINTS', '>USED', 'BY'];

export function modLines(modules: readonly ModuleRow[]): string[] {
  const rows = modules.map(({ address, name, base, sizeBytes, state, taints, references, usedBy }) => [
    addressDigits(address),
    name,
    base === undefined ? UNKNOWN : addressDigits(base),
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
      address: addressDigits(address),
      bytes: sizeBytes,
      ...(base !== undefined && { base: addressDigits(base) }),
    })),
  };
}
