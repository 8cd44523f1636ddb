/**
 * Takes parts out of a Node binary that no capture reaches: zeros, or a text of one character, in a file of the same length,
 * which compress to nothing. ICU's data are cut by icu.ts, V8's code caches by code-caches.ts.
 *
 * What happens where such a part is asked for after all: an addon that wants V8's own functions does not load, as if it were
 * for another Node; TypeScript is not stripped of its types, which throws; a C++ exception, which nothing in Node catches,
 * ends the process as before, without looking for handlers first.
 */
import { cutCodeCaches } from './code-caches.ts';
import { unknownForm } from './unknown-form.ts';

export interface NodeCuts {
  readonly symbols: number;
  readonly unwindBytes: number;
  readonly typeStripperBytes: number;
  readonly codeCacheBytes: number;
}

export interface Section {
  /** In the file. */
  readonly at: number;
  readonly bytes: number;
  /** In memory. */
  readonly address: number;
}

/** Names of V8, Node and ICU as C++ mangles them. Addons that use Node-API need none of them. */
const CUT_SYMBOL = /^_Z(?:T[VISC])?N?[A-Z]*(?:2v8|4node|6icu_\d\d|8v8_crdtp|6cppgc)/;
/** What decides about the cuts, for whoever asks whether an image was made with the same ones. */
export const NODE_CUTS: readonly string[] = [CUT_SYMBOL.source, 'unwinding', 'types', 'code caches'];

/** A binary with more handlers of C++ exceptions needs the tables for unwinding. Node 24 has 5 kB, of libraries in it. */
const MOST_HANDLER_BYTES = 16_384;
/** "\0asm" in base64, with which the only binary of this size begins: the parser of amaro, which strips types. */
const WASM = 'AGFzbQ';
const LEAST_STRIPPER_BYTES = 2 ** 20;

/** ELF-64, little-endian (System V ABI). */
const ELF = { sectionsAt: 0x28, count: 0x3c, namesIndex: 0x3e, sectionBytes: 64, symbolBytes: 24 };

/** @throws Failure for a binary of another form. */
export function cutNode(node: Buffer): NodeCuts {
  const sections = sectionsOf(node);
  return {
    symbols: cutSymbols(node, sections('.dynsym'), sections('.dynstr')),
    unwindBytes: cutUnwinding(node, sections),
    typeStripperBytes: cutTypeStripper(node),
    codeCacheBytes: cutCodeCaches(node),
  };
}

/** Entries stay where they are, without a name, a value or a type. */
function cutSymbols(node: Buffer, symbols: Section, names: Section): number {
  let cut = 0;
  for (let at = symbols.at; at < symbols.at + symbols.bytes; at += ELF.symbolBytes) {
    const isImported = node.readUInt16LE(at + 6) === 0;
    const nameAt = names.at + node.readUInt32LE(at);
    const end = node.indexOf(0, nameAt);
    if (isImported || !CUT_SYMBOL.test(node.toString('latin1', nameAt, end))) continue;
    node.fill(0, nameAt, end);
    node.fill(0, at, at + ELF.symbolBytes);
    cut += 1;
  }
  return cut;
}

function cutUnwinding(node: Buffer, sections: (name: string) => Section): number {
  const handlers = sections('.gcc_except_table');
  if (handlers.bytes > MOST_HANDLER_BYTES) return 0;
  const tables = [sections('.eh_frame_hdr'), sections('.eh_frame')];
  for (const { at, bytes } of tables) node.fill(0, at, at + bytes);
  return tables.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** One character stands in for the text: the program around it stays JavaScript. */
function cutTypeStripper(node: Buffer): number {
  for (let at = node.indexOf(WASM); at >= 0; at = node.indexOf(WASM, at + 1)) {
    let end = at;
    while (isBase64(node[end]!)) end += 1;
    if (end - at < LEAST_STRIPPER_BYTES) continue;
    node.fill('A', at, end);
    return end - at;
  }
  throw unknown('no binary of amaro');
}

function isBase64(code: number): boolean {
  return BASE64[code] === 1;
}

const BASE64 = new Uint8Array(256);
for (const character of 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=')
  BASE64[character.charCodeAt(0)] = 1;

/** @throws Failure for a binary of another form, and when asked for a section that there is not. */
export function sectionsOf(node: Buffer): (name: string) => Section {
  if (node.toString('latin1', 0, 6) !== '\x7fELF\x02\x01') throw unknown('no ELF-64 header');
  const table = Number(node.readBigUInt64LE(ELF.sectionsAt));
  const count = node.readUInt16LE(ELF.count);
  const headerAt = (index: number) => table + ELF.sectionBytes * index;
  const contents = (header: number): Section => ({
    address: Number(node.readBigUInt64LE(header + 0x10)),
    at: Number(node.readBigUInt64LE(header + 0x18)),
    bytes: Number(node.readBigUInt64LE(header + 0x20)),
  });
  const names = contents(headerAt(node.readUInt16LE(ELF.namesIndex))).at;
  const all = new Map(
    Array.from({ length: count }, (_, index) => {
      const nameAt = names + node.readUInt32LE(headerAt(index));
      return [node.toString('latin1', nameAt, node.indexOf(0, nameAt)), contents(headerAt(index))] as const;
    }),
  );
  return name => {
    const section = all.get(name);
    if (section) return section;
    throw unknown(`no section ${name}`);
  };
}

function unknown(actual: string) {
  return unknownForm('NODE_BINARY', {
    action: 'leave unused parts of Node out of the runtime image',
    actual: `the binary has ${actual}`,
    file: 'cuts.ts',
  });
}
