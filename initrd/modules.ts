/** Kernel modules: which files a driver needs and in which order, from the tree's indexes (modules.dep(5)). */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { Failure } from '../capture/errors.ts';

export class ModuleError extends Failure {}

export interface ModuleTree {
  /**
   * The files, relative to the tree, of these drivers and their dependencies, in loading order, each once. Built-in
   * drivers need no file. @throws ModuleError for a driver that the kernel does not have at all.
   */
  closure(drivers: readonly string[]): string[];
  /** Whether the kernel has the driver, as a module or built in. */
  has(driver: string): boolean;
  /** The modules that match this modalias, without built-in ones. */
  byAlias(modalias: string): string[];
  /** The module's bytes, decompressed, because the crash kernel may lack the decompressor. */
  read(file: string): Buffer;
}

/** @param directory `…/lib/modules/<release>`. @throws ModuleError when it has no index. */
export function openModuleTree(directory: string): ModuleTree {
  const dependencies = readIndex(directory, 'modules.dep', parseDependencies);
  const softdeps = readIndex(directory, 'modules.softdep', parseSoftdeps);
  const builtin = readIndex(directory, 'modules.builtin', parseBuiltin);
  if (dependencies.size === 0 && builtin.size === 0) {
    throw new ModuleError(
      'NO_MODULES',
      {
        action: 'read the kernel modules',
        actual: 'there is no modules.dep and no modules.builtin',
        wanted: 'a directory lib/modules/<release> with the indexes that depmod writes',
      },
      { directory },
    );
  }
  const aliases = readIndex(directory, 'modules.alias', parseAliases);
  const fileOf = new Map([...dependencies.keys()].map(file => [moduleName(file), file]));

  const byAlias = (modalias: string): string[] => {
    const claims = (aliases.get(busOf(modalias)) ?? []).filter(({ pattern }) => matches(pattern, modalias));
    return [...new Set(claims.map(({ module }) => module))].filter(module => fileOf.has(module));
  };
  /**
   * The modules of a soft dependency, which is optional: modprobe(8) takes its name for a module's or for an alias. Where
   * crc32c is a module, it is an alias, and libcrc32c, which xfs and btrfs need, does not load before it.
   */
  const namedOrAliased = (name: string): string[] => (fileOf.has(moduleName(name)) ? [name] : byAlias(name));

  const visit = (driver: string, found: Set<string>, visiting: Set<string>, wantedBy: string): void => {
    const name = moduleName(driver);
    const file = fileOf.get(name);
    if (!file) {
      if (builtin.has(name)) return;
      throw new ModuleError(
        'MODULE_MISSING',
        {
          action: `include the module ${name}`,
          actual: 'this kernel has none of that name',
          wanted: wantedBy,
        },
        { directory },
      );
    }
    if (found.has(file) || visiting.has(file)) return;
    visiting.add(file);
    const { pre = [], post = [] } = softdeps.get(name) ?? {};
    for (const soft of pre.flatMap(namedOrAliased))
      visit(soft, found, visiting, `a soft dependency of ${name}`);
    // modules.dep lists direct dependencies first; loading starts with the last one.
    for (const dependency of [...(dependencies.get(file) ?? [])].reverse()) {
      visit(dependency, found, visiting, `a dependency of ${name}`);
    }
    found.add(file);
    for (const soft of post.flatMap(namedOrAliased))
      visit(soft, found, visiting, `a soft dependency of ${name}`);
  };

  return {
    closure(drivers) {
      const found = new Set<string>();
      for (const driver of drivers) visit(driver, found, new Set(), 'a driver that this kernel has');
      return [...found];
    },
    has: driver => fileOf.has(moduleName(driver)) || builtin.has(moduleName(driver)),
    byAlias,
    read: file => decompress(join(directory, file)),
  };
}

/** Whether the module belongs to networking, which a crash kernel never brings up. */
export function isNetworkModule(file: string): boolean {
  return /(^|\/)(drivers\/net|net)\//.test(file);
}

/** `drivers/block/virtio_blk.ko.xz` and `virtio-blk` both give `virtio_blk`. */
export function moduleName(file: string): string {
  return basename(file)
    .replace(/\.ko(\.(xz|zst|gz))?$/, '')
    .replaceAll('-', '_');
}

export function parseDependencies(text: string): Map<string, string[]> {
  const lines = text.split('\n').filter(line => line.includes(':'));
  return new Map(
    lines.map(line => {
      const [file, needs] = line.split(/:(.*)/s);
      return [file, needs.split(' ').filter(need => need !== '')];
    }),
  );
}

/** `softdep NAME pre: A B post: C` */
export function parseSoftdeps(text: string): Map<string, { pre: string[]; post: string[] }> {
  const softdeps = new Map<string, { pre: string[]; post: string[] }>();
  for (const line of text.split('\n')) {
    const [keyword, name, ...words] = line.split(/\s+/);
    if (keyword !== 'softdep' || !name) continue;
    const entry = softdeps.get(moduleName(name)) ?? { pre: [], post: [] };
    let side: string[] = [];
    for (const word of words) {
      if (word === 'pre:') side = entry.pre;
      else if (word === 'post:') side = entry.post;
      else if (word !== '') side.push(word);
    }
    softdeps.set(moduleName(name), entry);
  }
  return softdeps;
}

interface Alias {
  /** A glob in fnmatch(3)'s syntax. */
  readonly pattern: string;
  readonly module: string;
}

/** `alias PATTERN MODULE`, indexed by the bus that the pattern begins with. */
export function parseAliases(text: string): Map<string, Alias[]> {
  const aliases = new Map<string, Alias[]>();
  for (const line of text.split('\n')) {
    const [keyword, pattern, module] = line.split(' ');
    if (keyword !== 'alias' || !module) continue;
    const bus = busOf(pattern);
    const known = aliases.get(bus);
    const alias = { pattern, module: moduleName(module) };
    if (known) known.push(alias);
    else aliases.set(bus, [alias]);
  }
  return aliases;
}

/** `pci` of `pci:v00001AF4d…` */
function busOf(alias: string): string {
  return alias.split(':', 1)[0];
}

function matches(pattern: string, modalias: string): boolean {
  const source = pattern
    .replace(/[.+^${}()|\\]/g, '\\$&')
    .replaceAll('*', '.*')
    .replaceAll('?', '.');
  return new RegExp(`^${source}$`).test(modalias);
}

function parseBuiltin(text: string): Map<string, true> {
  const files = text.split('\n').filter(line => line !== '');
  return new Map(files.map(file => [moduleName(file), true]));
}

function readIndex<T>(
  directory: string,
  name: string,
  parse: (text: string) => Map<string, T>,
): Map<string, T> {
  const path = join(directory, name);
  return existsSync(path) ? parse(readFileSync(path, 'utf8')) : new Map();
}

/** Node has no xz decoder, so that the host needs the xz command where modules are packed with it. */
const DECOMPRESSORS: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  xz: bytes => execFileSync('xz', ['-dc'], { input: bytes, maxBuffer: 256 << 20 }),
  zst: zstdDecompressSync,
  gz: gunzipSync,
};

function decompress(path: string): Buffer {
  const bytes = readFileSync(path);
  const packed = /\.ko\.(xz|zst|gz)$/.exec(path)?.[1];
  return packed ? DECOMPRESSORS[packed](bytes) : bytes;
}
