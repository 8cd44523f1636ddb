/**
 * Flattened device trees: read, changed, written (Devicetree Specification v0.4, chapter 5; version 17). The order of nodes
 * and properties stays.
 */
import { Buffer } from 'node:buffer';
import { Failure } from '../../../../capture/errors.ts';

export interface TreeNode {
  /** With its unit address: `memory@40000000`; empty for the root. */
  readonly name: string;
  readonly properties: Map<string, Buffer>;
  readonly children: TreeNode[];
}

/** Physical memory that nothing may use: `/memreserve/` in sources. */
export interface MemoryReserve {
  readonly start: bigint;
  readonly bytes: bigint;
}

export interface DeviceTree {
  readonly root: TreeNode;
  readonly reserves: MemoryReserve[];
  /** The CPU that boots (boot_cpuid_phys). */
  readonly bootCpu: number;
}

const MAGIC = 0xd00d_feed;
const HEADER_BYTES = 40;
const VERSION = 17;
const LAST_COMPATIBLE = 16;
const FDT_BEGIN_NODE = 1;
const FDT_END_NODE = 2;
const FDT_PROP = 3;
const FDT_NOP = 4;
const FDT_END = 9;
/** The kernel's own limit is 64 (Linux drivers/of/fdt.c, FDT_MAX_DEPTH). */
const MOST_DEPTH = 64;

/** @throws Failure for bytes that are not a whole device tree of version 17, or 16 and compatible. */
export function decodeDeviceTree(bytes: Buffer): DeviceTree {
  if (bytes.length < HEADER_BYTES || bytes.readUInt32BE(0) !== MAGIC) throw bad('there is no header of one');
  const [total, structAt, stringsAt, reservesAt, , compatible, bootCpu] = [4, 8, 12, 16, 20, 24, 28].map(at =>
    bytes.readUInt32BE(at),
  ) as [number, number, number, number, number, number, number];
  if (compatible > VERSION) throw bad(`its version is ${compatible} at least`);
  if (total > bytes.length) throw bad(`it has ${bytes.length} of ${total} bytes`);
  const whole = bytes.subarray(0, total);
  return {
    root: new StructReader(whole, structAt, stringsAt).readRoot(),
    reserves: readReserves(whole, reservesAt),
    bootCpu,
  };
}

/** @returns the tree in the order header, reserves, structure, strings. */
export function encodeDeviceTree({ root, reserves, bootCpu }: DeviceTree): Buffer {
  const strings = new Map<string, number>();
  const pieces: Buffer[] = [];
  writeNode(root, pieces, strings);
  pieces.push(cells(FDT_END));
  const structure = Buffer.concat(pieces);
  const reserved = Buffer.alloc(16 * (reserves.length + 1));
  for (const [index, { start, bytes }] of reserves.entries()) {
    reserved.writeBigUInt64BE(start, index * 16);
    reserved.writeBigUInt64BE(bytes, index * 16 + 8);
  }
  const names = Buffer.concat([...strings.keys()].map(name => Buffer.from(`${name}\0`, 'latin1')));
  const structAt = HEADER_BYTES + reserved.length;
  const stringsAt = structAt + structure.length;
  const header = cells(
    MAGIC,
    stringsAt + names.length,
    structAt,
    stringsAt,
    HEADER_BYTES,
    VERSION,
    LAST_COMPATIBLE,
    bootCpu,
    names.length,
    structure.length,
  );
  return Buffer.concat([header, reserved, structure, names]);
}

/** The child of the root with this name, made where there is none. */
export function childOf({ children }: TreeNode, name: string): TreeNode {
  const found = children.find(child => child.name === name);
  if (found) return found;
  const made: TreeNode = { name, properties: new Map(), children: [] };
  children.push(made);
  return made;
}

/** A NUL-terminated text, as a property holds it. */
export function textProperty(text: string): Buffer {
  return Buffer.from(`${text}\0`, 'utf8');
}

class StructReader {
  readonly #bytes: Buffer;
  readonly #stringsAt: number;
  #at: number;

  constructor(bytes: Buffer, structAt: number, stringsAt: number) {
    this.#bytes = bytes;
    this.#at = structAt;
    this.#stringsAt = stringsAt;
  }

  readRoot(): TreeNode {
    if (this.#token() !== FDT_BEGIN_NODE) throw bad('its structure does not begin with a node');
    const root = this.#node(1);
    if (this.#token() !== FDT_END) throw bad('something follows its root node');
    return root;
  }

  #node(depth: number): TreeNode {
    if (depth > MOST_DEPTH) throw bad(`its nodes are nested more than ${MOST_DEPTH} deep`);
    const node: TreeNode = { name: this.#text(this.#at), properties: new Map(), children: [] };
    this.#skip(Buffer.byteLength(node.name, 'latin1') + 1);
    for (;;) {
      const token = this.#token();
      if (token === FDT_END_NODE) return node;
      if (token === FDT_BEGIN_NODE) node.children.push(this.#node(depth + 1));
      else if (token === FDT_PROP) this.#property(node);
      else throw bad(`its structure has an unknown token ${token}`);
    }
  }

  #property({ properties }: TreeNode): void {
    const [length, nameAt] = [this.#cell(), this.#cell()];
    if (this.#at + length > this.#bytes.length) throw bad('a property ends after it');
    const name = this.#text(this.#stringsAt + nameAt);
    properties.set(name, Buffer.from(this.#bytes.subarray(this.#at, this.#at + length)));
    this.#skip(length);
  }

  #token(): number {
    for (;;) {
      const token = this.#cell();
      if (token !== FDT_NOP) return token;
    }
  }

  #cell(): number {
    if (this.#at + 4 > this.#bytes.length) throw bad('its structure ends too early');
    this.#at += 4;
    return this.#bytes.readUInt32BE(this.#at - 4);
  }

  #text(at: number): string {
    const end = this.#bytes.indexOf(0, at);
    if (at > this.#bytes.length || end < 0) throw bad('a name does not end');
    return this.#bytes.toString('latin1', at, end);
  }

  #skip(bytes: number): void {
    this.#at += Math.ceil(bytes / 4) * 4;
  }
}

/** Pairs of 64 bits, up to one of zeros. */
function readReserves(bytes: Buffer, from: number): MemoryReserve[] {
  const reserves: MemoryReserve[] = [];
  for (let at = from; ; at += 16) {
    if (at + 16 > bytes.length) throw bad('its list of reserved memory does not end');
    const reserve = { start: bytes.readBigUInt64BE(at), bytes: bytes.readBigUInt64BE(at + 8) };
    if (reserve.start === 0n && reserve.bytes === 0n) return reserves;
    reserves.push(reserve);
  }
}

function writeNode(
  { name, properties, children }: TreeNode,
  into: Buffer[],
  strings: Map<string, number>,
): void {
  into.push(cells(FDT_BEGIN_NODE), padded(Buffer.from(`${name}\0`, 'latin1')));
  for (const [property, value] of properties) {
    into.push(cells(FDT_PROP, value.length, stringOffset(strings, property)), padded(value));
  }
  for (const child of children) writeNode(child, into, strings);
  into.push(cells(FDT_END_NODE));
}

/** Each name once, in the order of first use. */
function stringOffset(strings: Map<string, number>, name: string): number {
  const known = strings.get(name);
  if (known !== undefined) return known;
  const [last, at] = [...strings].at(-1) ?? ['', -1];
  const offset = at + Buffer.byteLength(last, 'latin1') + 1;
  strings.set(name, offset);
  return offset;
}

function padded(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}

export function cells(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value >>> 0, index * 4);
  return bytes;
}

function bad(actual: string): Failure {
  return new Failure('BAD_DEVICE_TREE', {
    action: 'read the device tree',
    actual,
    wanted: 'a flattened device tree of version 17',
  });
}
