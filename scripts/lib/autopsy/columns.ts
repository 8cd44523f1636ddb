/** Rows under a head, as the verbs of the autopsy print them. */
import { printable } from '../../../capture/text.ts';
import { tableLines, terminalColumns } from '../cli/table.ts';

/** What is not known. */
export const UNKNOWN = '?';

/** @param heads of the columns; one that begins with `>` has its cells on the right: `>SIZE`. */
export function columnLines(heads: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const names = heads.map(head => head.replace(/^>/, ''));
  const table = [names, ...rows.map(row => row.map(printable))];
  const widths = names.map((_, column) => Math.max(...table.map(row => [...row[column]!].length)));
  const aligned = table.map(row =>
    row.map((cell, column) => (heads[column]!.startsWith('>') ? cell.padStart(widths[column]!) : cell)),
  );
  return tableLines(aligned, { columns: terminalColumns() });
}

/** @param value undefined for one that is not known. */
export function cell(value: number | string | undefined): string {
  return value === undefined ? UNKNOWN : String(value);
}
