/** The symbol table of a Node binary, which the official binaries have and a stripped one lacks. */
import { sectionsOf } from './cuts.ts';

/** System V gABI, "Symbol Table"; 64-bit, little-endian. */
const SYMBOL = { bytes: 24, infoAt: 4, valueAt: 8, sizeAt: 16 };

export interface NodeSymbol {
  /** Offset of its name in the file. */
  readonly nameAt: number;
  /** STT_… */
  readonly type: number;
  readonly address: number;
  readonly bytes: number;
}

/** @throws Failure where there is no such table. */
export function* symbolsOf(node: Buffer): Generator<NodeSymbol> {
  const sections = sectionsOf(node);
  const [symbols, names] = [sections('.symtab'), sections('.strtab')];
  for (let at = symbols.at; at < symbols.at + symbols.bytes; at += SYMBOL.bytes) {
    yield {
      nameAt: names.at + node.readUInt32LE(at),
      type: node[at + SYMBOL.infoAt]! & 0xf,
      address: Number(node.readBigUInt64LE(at + SYMBOL.valueAt)),
      bytes: Number(node.readBigUInt64LE(at + SYMBOL.sizeAt)),
    };
  }
}
