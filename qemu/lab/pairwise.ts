/** Crashes in which any two values of different axes meet, far fewer than all combinations. */

export type Row = Readonly<Record<string, string>>;

/**
 * Rows that have every pair of values that `allowed` lets stand together, each pair at least once. Each next row is built
 * greedily: axis by axis, with the value that meets most of what has not met yet. The same input gives the same rows.
 * @param axes the values of each axis, two at least.
 * @param allowed is asked of rows that lack axes as well: it must refuse a row only for the values that it has.
 */
export function pairwise(
  axes: Readonly<Record<string, readonly string[]>>,
  allowed: (row: Row) => boolean = () => true,
): Row[] {
  const names = Object.keys(axes);
  const left = new Set<string>();
  for (const [at, one] of names.entries()) {
    for (const other of names.slice(at + 1)) {
      for (const a of axes[one]!) {
        for (const b of axes[other]!)
          if (allowed({ [one]: a, [other]: b })) left.add(keyOf(one, a, other, b));
      }
    }
  }
  const rows: Row[] = [];
  while (left.size > 0) {
    const row = bestRow(axes, [...left][0]!, left, allowed);
    const met = pairsOf(row).filter(pair => left.delete(pair));
    // The pair that it was to begin with cannot be completed with the other axes: it is left out.
    if (met.length === 0) left.delete([...left][0]!);
    else rows.push(row);
  }
  return rows;
}

function bestRow(
  axes: Readonly<Record<string, readonly string[]>>,
  first: string,
  left: ReadonlySet<string>,
  allowed: (row: Row) => boolean,
): Row {
  const [one, a, other, b] = JSON.parse(first) as [string, string, string, string];
  let row: Row = { [one]: a, [other]: b };
  for (const axis of Object.keys(axes)) {
    if (axis in row) continue;
    const choices = axes[axis]!.map(value => ({ ...row, [axis]: value })).filter(allowed);
    const score = (choice: Row) => pairsOf(choice).filter(pair => left.has(pair)).length;
    const best = choices.reduce<Row | undefined>(
      (top, choice) => (top && score(top) >= score(choice) ? top : choice),
      undefined,
    );
    if (best) row = best;
  }
  return Object.keys(row).length === Object.keys(axes).length ? row : {};
}

function pairsOf(row: Row): string[] {
  const entries = Object.entries(row);
  return entries.flatMap(([one, a], at) =>
    entries.slice(at + 1).flatMap(([other, b]) => [keyOf(one, a, other, b), keyOf(other, b, one, a)]),
  );
}

function keyOf(one: string, a: string, other: string, b: string): string {
  return JSON.stringify([one, a, other, b]);
}
