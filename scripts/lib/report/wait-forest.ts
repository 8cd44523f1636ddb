/**
 * Who waits for whom, as trees: a task waits for one other at most, so every holder is the root of those that wait for it. Tasks
 * that wait in a circle have no root; the one with the lowest pid stands for it.
 */
import type { TaskName, Wait } from '../../../capture/autopsy/summary/autopsy.ts';

export interface WaitRow {
  readonly task: TaskName;
  /** 0 for a root. */
  readonly depth: number;
  /** Its own wait; undefined for a holder that is not blocked itself. */
  readonly wait?: Wait;
  /** The row of the one that it waits for; undefined for a root. */
  readonly above?: number;
  /** Of the root of a circle: the task that it waits for, which is below it. */
  readonly loop?: TaskName;
  /** Whether the task is part of a circle: it can never run. */
  readonly isStuck: boolean;
}

/** Depth first, larger trees first. Tasks whose holder is unknown and who hold nothing are in none. */
export function waitRows(waits: readonly Wait[]): WaitRow[] {
  const own = new Map(waits.map(wait => [wait.task.pid, wait]));
  const waiters = Map.groupBy(
    waits.filter(({ owner }) => owner !== undefined),
    ({ owner }) => owner!.pid,
  );
  const stuck = stuckPids(own);
  const holders = new Map(waits.flatMap(({ owner }) => (owner ? [[owner.pid, owner] as const] : [])));
  const trees: WaitRow[][] = [];
  const seen = new Set<number>();
  const grow = (root: TaskName) => {
    if (!seen.has(root.pid)) trees.push(treeOf(root, { own, waiters, stuck, seen }));
  };
  for (const holder of holders.values()) if (own.get(holder.pid)?.owner === undefined) grow(holder);
  for (const pid of [...stuck].sort((a, b) => a - b)) grow(holders.get(pid)!);
  trees.sort((a, b) => Number(b[0]!.isStuck) - Number(a[0]!.isStuck) || b.length - a.length);
  return trees.reduce<WaitRow[]>((rows, tree) => {
    const begin = rows.length;
    rows.push(...tree.map(row => (row.above === undefined ? row : { ...row, above: row.above + begin })));
    return rows;
  }, []);
}

interface Known {
  readonly own: ReadonlyMap<number, Wait>;
  readonly waiters: ReadonlyMap<number, readonly Wait[]>;
  readonly stuck: ReadonlySet<number>;
  readonly seen: Set<number>;
}

function treeOf(root: TaskName, { own, waiters, stuck, seen }: Known): WaitRow[] {
  const rows: WaitRow[] = [];
  const due: { task: TaskName; depth: number; above?: number }[] = [{ task: root, depth: 0 }];
  while (due.length > 0) {
    const { task, depth, above } = due.pop()!;
    if (seen.has(task.pid)) continue;
    seen.add(task.pid);
    const wait = own.get(task.pid);
    const isStuck = stuck.has(task.pid);
    const loop = depth === 0 && isStuck ? wait?.owner : undefined;
    const here = rows.push({
      task,
      depth,
      isStuck,
      ...(wait && { wait }),
      ...(above !== undefined && { above }),
      ...(loop && { loop }),
    });
    const next = (waiters.get(task.pid) ?? []).map(waiter => ({
      task: waiter.task,
      depth: depth + 1,
      above: here - 1,
    }));
    due.push(...next.reverse());
  }
  return rows;
}

/** Those in circles. Each task is walked from once. */
function stuckPids(own: ReadonlyMap<number, Wait>): Set<number> {
  const stuck = new Set<number>();
  const done = new Set<number>();
  for (const start of own.keys()) {
    const path: number[] = [];
    const onPath = new Set<number>();
    let pid: number | undefined = start;
    while (pid !== undefined && !done.has(pid) && !onPath.has(pid)) {
      path.push(pid);
      onPath.add(pid);
      pid = own.get(pid)?.owner?.pid;
    }
    if (pid !== undefined && onPath.has(pid)) for (const one of path.slice(path.indexOf(pid))) stuck.add(one);
    for (const one of path) done.add(one);
  }
  return stuck;
}
