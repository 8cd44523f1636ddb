/** The functions of a Node binary, by its symbol table, which the official binaries have and a stripped one lacks. */
import { sectionsOf } from './cuts.ts';
import { symbolsOf } from './symbols.ts';
import { unknownForm } from './unknown-form.ts';

/** Bytes of the file that are the code of one function. A function can have several names, and another can lie within it. */
export interface NodeFunction {
  /** As the compiler mangles it. */
  readonly name: string;
  /** Offset in the file. */
  readonly at: number;
  readonly bytes: number;
}

/** System V gABI, "ELF Header" and "Symbol Table". */
const TYPE_AT = 0x10;
const ET_EXEC = 2;
const STT_FUNC = 2;
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
  const text = sectionsOf(node)('.text');
  if (node.readUInt16LE(TYPE_AT) !== ET_EXEC) throw unknown('no fixed addresses');
  if (text.address + text.bytes > LOW_ADDRESSES_END) throw unknown('code above 2 GiB');
  const functions: NodeFunction[] = [];
  for (const { nameAt, type, address, bytes } of symbolsOf(node)) {
    const offset = address - text.address;
    if (type !== STT_FUNC || bytes === 0 || offset < 0 || offset + bytes > text.bytes) continue;
    const name = node.toString('latin1', nameAt, node.indexOf(0, nameAt));
    functions.push({ name, at: text.at + offset, bytes });
  }
  functions.sort((one, other) => one.at - other.at);
  return { functions, addressOf: offset => offset - text.at + text.address };
}

function unknown(what: string) {
  return unknownForm('NODE_FUNCTIONS', {
    action: 'find the functions of Node',
    actual: `the binary has ${what}`,
    wanted: 'an official Node of the form of Node 24',
    file: 'functions.ts',
  });
}
