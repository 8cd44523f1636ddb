/** The functions of a Node binary, by its symbol table, which the official binaries have and a stripped one lacks. */
import { Failure } from '../../capture/errors.ts';
import { sectionsOf } from './cuts.ts';

/** Bytes of the file that are the code of one function. A function can have several names, and another can lie within it. */
export interface NodeFunction {
  /** As the compiler mangles it. */
  readonly name: string;
  /** Offset in the file. */
  readonly at: number;
  readonly bytes: number;
}

/** System V gABI, "ELF Header" and "Symbol Table"; 64-bit, little-endian. */
const TYPE_AT = 0x10;
const ET_EXEC = 2;
const STT_FUNC = 2;
const SYMBOL = { bytes: 24, infoAt: 4, valueAt: 8, sizeAt: 16 };
/** Addresses that a jump with a 32-bit operand reaches, which is sign-extended. */
const LOW_ADDRESSES_END = 2 ** 31;

export interface NodeCode {
  /** In the order of the file. */
  readonly functions: readonly NodeFunction[];
  /** @param offset in the file, of code. */
  addressOf(offset: number): number;
}

/** @param node a program with fixed addresses. @throws Failure for a binary of another form. */
export function functionsOf(node: Buffer): NodeCode {
  const sections = sectionsOf(node);
  const [text, symbols, names] = [sections('.text'), sections('.symtab'), sections('.strtab')];
  if (node.readUInt16LE(TYPE_AT) !== ET_EXEC) throw unknownForm('no fixed addresses');
  if (text.address + text.bytes > LOW_ADDRESSES_END) throw unknownForm('code above 2 GiB');
  const functions: NodeFunction[] = [];
  for (let symbol = symbols.at; symbol < symbols.at + symbols.bytes; symbol += SYMBOL.bytes) {
    const offset = Number(node.readBigUInt64LE(symbol + SYMBOL.valueAt)) - text.address;
    const bytes = Number(node.readBigUInt64LE(symbol + SYMBOL.sizeAt));
    const isFunction = (node[symbol + SYMBOL.infoAt]! & 0xf) === STT_FUNC && bytes > 0;
    if (!isFunction || offset < 0 || offset + bytes > text.bytes) continue;
    const nameAt = names.at + node.readUInt32LE(symbol);
    const name = node.toString('latin1', nameAt, node.indexOf(0, nameAt));
    functions.push({ name, at: text.at + offset, bytes });
  }
  functions.sort((one, other) => one.at - other.at);
  return { functions, addressOf: offset => offset - text.at + text.address };
}

function unknownForm(actual: string): Failure {
  return new Failure('NODE_FUNCTIONS', {
    action: 'find the functions of Node',
    actual: `the binary has ${actual}`,
    wanted: 'an official Node of the form of Node 24',
    toDo: 'Build with the Node that package.json names, or adapt build/node/functions.ts',
  });
}
