/** Which file imports which, and what is wrong with that: circles between files or folders, and imports of a higher floor. */
import { dirname, join, normalize } from 'node:path';

/** A file's path in the project -> what it imports: our files by their path, Node's modules and packages by name. */
export type ImportGraph = ReadonlyMap<string, readonly string[]>;

/** @param text the TypeScript source of `file`. */
export function importsOf(file: string, text: string): string[] {
  const specifiers = [...text.matchAll(/(?:from |import |import\()'([^']+)'/g)].map(match => match[1]);
  return specifiers.map(name => (name.startsWith('.') ? normalize(join(dirname(file), name)) : name));
}

/** Groups of files that reach one another. */
export function fileCycles(graph: ImportGraph): string[][] {
  return cyclesOf(graph);
}

/**
 * Groups of neighbours that reach one another: in each folder, the files and folders directly in it, a folder standing
 * for all that is below it.
 */
export function folderCycles(graph: ImportGraph): string[][] {
  return foldersOf(graph).flatMap(folder => cyclesOf(neighboursIn(folder, graph)));
}

/** @param floors top-level folders, the lowest first. Each may import from itself and from those before it. */
export function upwardImports(graph: ImportGraph, floors: readonly string[]): string[] {
  const floorOf = (file: string) => floors.indexOf(file.split('/')[0]!);
  return [...graph].flatMap(([file, targets]) =>
    targets.filter(target => floorOf(target) > floorOf(file)).map(target => `${file} -> ${target}`),
  );
}

/** Every folder that holds a file, and the project itself as ''. */
function foldersOf(graph: ImportGraph): string[] {
  const folders = new Set(['']);
  for (const file of graph.keys()) {
    const parts = file.split('/');
    for (let depth = 1; depth < parts.length; depth++) folders.add(parts.slice(0, depth).join('/'));
  }
  return [...folders];
}

function neighboursIn(folder: string, graph: ImportGraph): ImportGraph {
  const prefix = folder === '' ? '' : `${folder}/`;
  const childOf = (file: string) =>
    file.startsWith(prefix) ? prefix + file.slice(prefix.length).split('/')[0] : undefined;
  const neighbours = new Map<string, string[]>();
  for (const [file, targets] of graph) {
    const child = childOf(file);
    if (child === undefined) continue;
    const reached = targets.map(childOf).filter(other => other !== undefined && other !== child);
    neighbours.set(child, [...(neighbours.get(child) ?? []), ...(reached as string[])]);
  }
  return neighbours;
}

/** Strongly connected components of more than one node (Tarjan 1972). */
function cyclesOf(graph: ImportGraph): string[][] {
  const indexOf = new Map<string, number>();
  const lowest = new Map<string, number>();
  const open: string[] = [];
  const cycles: string[][] = [];
  const visit = (node: string): number => {
    const index = indexOf.size;
    let low = index;
    indexOf.set(node, index);
    open.push(node);
    for (const target of graph.get(node) ?? []) {
      if (!graph.has(target)) continue;
      if (!indexOf.has(target)) low = Math.min(low, visit(target));
      else if (open.includes(target)) low = Math.min(low, lowest.get(target) ?? indexOf.get(target)!);
      lowest.set(node, low);
    }
    lowest.set(node, low);
    if (low === index) {
      const members = open.splice(open.indexOf(node));
      if (members.length > 1) cycles.push(members.sort());
    }
    return low;
  };
  for (const node of graph.keys()) if (!indexOf.has(node)) visit(node);
  return cycles;
}
