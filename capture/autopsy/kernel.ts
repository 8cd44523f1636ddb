/**
 * The crashed kernel as an autopsy sees it: memory by virtual address, symbols from kallsyms, types from BTF. Nothing here
 * comes from debug symbols. A piece that the dump lacks costs what needs it: its look-ups throw AutopsyError, which names
 * the piece, and `missing` has a sentence about it.
 */
import type { KernelMemory } from '../kernel/memory.ts';
import type { Vmcore } from '../vmcore/open.ts';
import type { Vmcoreinfo } from '../vmcore/vmcoreinfo.ts';

export interface DeadKernel {
  readonly vmcore: Vmcore;
  readonly vmcoreinfo: Vmcoreinfo;
  readonly memory: KernelMemory;
  readonly symbols: Symbols;
  /** The types of vmlinux. */
  readonly types: Types;
  readonly fields: Fields;
  readonly perCpu: PerCpu;
  /** Newest first, as the kernel lists them. Empty when the list cannot be read. */
  readonly modules: readonly LoadedModule[];
  /** Those of a module and of vmlinux. @throws AutopsyError when the module is not loaded or has no readable BTF. */
  moduleTypes(name: string): Types;
  /** What cannot be read in this dump and what that costs, a sentence each. */
  readonly missing: readonly string[];
}

export interface KernelSymbol {
  readonly name: string;
  readonly address: bigint;
  /** As `nm` prints it: `T`, `t`, `D`, `b` … */
  readonly type: string;
  /** Undefined for vmlinux. */
  readonly module?: string;
}

export interface SymbolAt extends KernelSymbol {
  /** From the symbol's address, in bytes. */
  readonly offset: number;
  /** Of a module's symbol as its symbol table says, else up to the next symbol; undefined for the last one. */
  readonly sizeBytes?: number;
}

/**
 * Text and data symbols of vmlinux and of its modules. Without kallsyms, those that vmcoreinfo exports.
 * Look-ups throw nothing but in `require`.
 */
export interface Symbols {
  /** The first of this name, vmlinux before the modules. */
  address(name: string): bigint | undefined;
  /** @throws AutopsyError NO_SYMBOL */
  require(name: string): bigint;
  /** All of this name: static functions of different files share names. */
  all(name: string): readonly KernelSymbol[];
  /** The symbol that `address` is in; undefined outside of the kernel's image and of its modules. */
  at(address: bigint): SymbolAt | undefined;
  /** Whether `address` is within the code of the kernel (init code included) or of a module. */
  isText(address: bigint): boolean;
}

export type TypeKind =
  | 'void'
  | 'integer'
  | 'float'
  | 'pointer'
  | 'array'
  | 'struct'
  | 'union'
  | 'enum'
  | 'function';

/** A member, at the end of the path that was asked for. Typedefs, const and volatile are seen through. */
export interface Field {
  /** Empty for an anonymous struct or union. */
  readonly name: string;
  /** From the beginning of the path's first type. Of a bit field: the byte that holds its first bit. */
  readonly offsetBytes: number;
  /** Of a bit field: of its declared type. Of a flexible array: 0. */
  readonly sizeBytes: number;
  /** Of a bit field: its first bit within the byte at `offsetBytes`, from the least significant, and its width. */
  readonly bitOffset?: number;
  readonly bits?: number;
  readonly kind: TypeKind;
  readonly isSigned: boolean;
  /** Of an array: its outermost dimension. */
  readonly elements?: number;
  /** Of an array: the size of an element of that dimension, and what one is. */
  readonly elementBytes?: number;
  readonly elementKind?: TypeKind;
  readonly elementIsSigned?: boolean;
  /** In C, without the member's name: `struct list_head`, `char [16]`, `struct mm_struct *`. */
  readonly typeName: string;
  /** In C, with it: `struct list_head tasks`, `char comm[16]`, `unsigned int in_execve:1`. */
  readonly declaration: string;
  /** Of an anonymous struct or union, from `Types.members`; their offsets are from the beginning of the path's first type too. */
  readonly members?: readonly Field[];
}

export interface Enumerator {
  readonly name: string;
  readonly value: bigint;
}

/**
 * Layouts by BTF. A path is a type's name and its members: `task_struct.comm`, `task_struct.thread.sp`. Members of anonymous
 * structs and unions are found as in C; a member of an array of structs is that of its first element. A type's name may have
 * `struct`, `union` or `enum` in front. Where several types have a name, structs come first, and of them the first in BTF.
 */
export interface Types {
  /** In bytes. @throws AutopsyError NO_TYPES, NO_TYPE, NO_MEMBER; NOT_BYTES for a bit field */
  offset(path: string): number;
  /** @throws AutopsyError NO_TYPES, NO_TYPE, NO_MEMBER */
  field(path: string): Field;
  has(path: string): boolean;
  /** Of a struct, union, typedef, enum or integer, in bytes. @throws AutopsyError NO_TYPES, NO_TYPE */
  size(name: string): number;
  /** Of an enumerator of any enum. @throws AutopsyError NO_TYPES, NO_ENUMERATOR */
  enumValue(name: string): number;
  /** Those of an enum. @throws AutopsyError NO_TYPES, NO_TYPE */
  enumerators(enumName: string): readonly Enumerator[];
  /** What a struct or union, or the one that a path leads to, directly holds. @throws AutopsyError as `field` */
  members(path: string): readonly Field[];
}

/**
 * Reads members of structures where BTF says they are.
 * @throws AutopsyError as `Types.field`, and NOT_A_NUMBER for a member of another kind; KernelError as `KernelMemory`.
 */
export interface Fields {
  address(base: bigint, path: string): bigint;
  /** An integer, enum, bit field or pointer of up to 8 bytes; negative where its type is signed. */
  integer(base: bigint, path: string): bigint;
  /** The same for one that fits a number exactly; KernelError otherwise. */
  number(base: bigint, path: string): number;
  /** A pointer or an unsigned word as it is, 0 for NULL. */
  pointer(base: bigint, path: string): bigint;
  /** An array of char up to its NUL, decoded as latin1. */
  text(base: bigint, path: string): string;
}

/** Ascending CPU numbers. Empty when the dump does not say. */
export interface PerCpu {
  /** Those that may ever be there: hundreds where a hypervisor can add some. */
  readonly possible: readonly number[];
  readonly present: readonly number[];
  readonly online: readonly number[];
  /** Of a per-CPU variable, by its symbol or its address in the template. @throws AutopsyError NO_PER_CPU, NO_SYMBOL */
  address(variable: string | bigint, cpu: number): bigint;
}

export interface LoadedModule {
  readonly name: string;
  /** Of its `struct module`. */
  readonly address: bigint;
  /** What it occupies; init memory only while it is not freed. */
  readonly ranges: readonly ModuleRange[];
}

export interface ModuleRange {
  /** By enum mod_mem_type (Linux v6.4): `text`, `data`, `rodata`, `ro_after_init`, `init_text` … Before: `text`, `data`, `init_text`. */
  readonly kind: string;
  readonly start: bigint;
  readonly sizeBytes: number;
}
