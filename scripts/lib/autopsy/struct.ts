/** A structure of the crashed kernel as crash's `struct -o` prints it, with its values where an address is given. */

import { addressDigits } from '../../../capture/autopsy/hex.ts';
import type { DeadKernel, Field, Types } from '../../../capture/autopsy/kernel.ts';
import { AutopsyError, attempt } from '../../../capture/errors.ts';
import { UsageError } from '../cli/command.ts';
import { type Radix, StructValues } from './struct-values.ts';

/** Of what is read at once; task_struct has some 10 KiB. */
const MOST_BYTES = 1 << 20;
const MOST_DEPTH = 8;

export interface ShownMember extends Field {
  readonly value?: string;
  readonly members?: readonly ShownMember[];
}

export interface ShownStruct {
  /** As it was asked for. */
  readonly name: string;
  /** `struct` or `union`; undefined for a member that is neither. */
  readonly keyword: string | undefined;
  readonly sizeBytes: number;
  readonly address: bigint | undefined;
  readonly members: readonly ShownMember[];
}

/**
 * @param path `task_struct`, a member of one, `task_struct.se`, or several: `task_struct.pid,comm`. Types of modules are found too.
 * @throws AutopsyError for an unknown type or member; KernelError for memory that is not in the dump.
 */
export function showStruct(
  kernel: DeadKernel,
  path: string,
  address: bigint | undefined,
  radix: Radix = 10,
): ShownStruct {
  const types = typesWith(kernel, path);
  const [root = ''] = path.split('.');
  const values = address === undefined ? undefined : valuesAt(kernel, types, { root, address, radix });
  const filled = (member: Field, memberPath: string, within: string, depth: number): ShownMember => ({
    ...member,
    ...(member.members &&
      depth < MOST_DEPTH && {
        members: member.members.map(one => filled(one, `${within}.${one.name}`, within, depth + 1)),
      }),
    ...(values && !member.members && { value: values.text(member, memberPath) }),
  });
  const within = (owner: string, members: readonly Field[]) =>
    members.map(member => filled(member, `${owner}.${member.name}`, owner, 0));
  const named = memberPaths(path).map(one => ({ path: one, field: types.field(one) }));
  const [only] = named;
  if (!only)
    return {
      name: path,
      keyword: keywordOf(types, path),
      sizeBytes: types.size(root),
      address,
      members: within(path, types.members(path)),
    };
  const { kind, sizeBytes } = only.field;
  if (named.length === 1 && (kind === 'struct' || kind === 'union'))
    return { name: path, keyword: kind, sizeBytes, address, members: within(path, types.members(path)) };
  return {
    name: path,
    keyword: undefined,
    sizeBytes: named.reduce((sum, { field }) => sum + field.sizeBytes, 0),
    address,
    members: named.map(one => filled(one.field, one.path, root, 0)),
  };
}

/** As crash's `struct` takes members: each of a list is one of the type. None for a type itself. */
function memberPaths(path: string): string[] {
  const [, root = '', members = ''] = /^([^.]*)\.(.*)$/s.exec(path) ?? [];
  return members === '' ? [] : members.split(',').map(member => `${root}.${member}`);
}

export function structLines({ name, keyword, sizeBytes, address, members }: ShownStruct): string[] {
  const width = Math.max(...offsetsOf(members).map(offset => `[${offset}]`.length), 3) + 2;
  const lines = (all: readonly ShownMember[], depth: number): string[] =>
    all.flatMap(member => {
      const indent = '    '.repeat(depth);
      if (member.members) {
        const head = `${' '.repeat(width)} ${indent}${member.kind} {`;
        return [head, ...lines(member.members, depth + 1), `${' '.repeat(width)} ${indent}};`];
      }
      const value = member.value === undefined ? '' : ` = ${member.value}`;
      return [`${`[${member.offsetBytes}]`.padStart(width)} ${indent}${member.declaration}${value};`];
    });
  if (keyword === undefined) return lines(members, 0).map(line => line.trimStart());
  const at = address === undefined ? '' : ` at ${addressDigits(address)}`;
  return [
    `${keyword} ${name.replace(/^(struct|union) /, '')} {${at && `  /*${at} */`}`,
    ...lines(members, 0),
    '}',
    `SIZE: ${sizeBytes}`,
  ];
}

export function structData({ name, keyword, sizeBytes, address, members }: ShownStruct) {
  const data = (member: ShownMember): object => ({
    name: member.name,
    declaration: member.declaration,
    offset: member.offsetBytes,
    bytes: member.sizeBytes,
    ...(member.bits !== undefined && { bitOffset: member.bitOffset, bits: member.bits }),
    ...(member.value !== undefined && { value: member.value }),
    ...(member.members && { members: member.members.map(data) }),
  });
  return {
    name,
    kind: keyword ?? 'member',
    bytes: sizeBytes,
    address: address === undefined ? null : addressDigits(address),
    members: members.map(data),
  };
}

function offsetsOf(members: readonly ShownMember[]): number[] {
  return members.flatMap(member => (member.members ? offsetsOf(member.members) : [member.offsetBytes]));
}

/** Those of vmlinux, or of the first module that knows the type. @throws AutopsyError */
function typesWith({ types, modules, moduleTypes }: DeadKernel, path: string): Types {
  const [root = ''] = path.split('.');
  if (types.has(root)) return types;
  for (const { name } of modules) {
    const inModule = attempt(() => moduleTypes(name));
    if (inModule?.has(root)) return inModule;
  }
  // For its words.
  types.size(root);
  throw new AutopsyError('NO_TYPE', { action: `find the type ${root}`, actual: 'no module has it' });
}

function keywordOf(types: Types, path: string): string {
  const [, given] = /^(struct|union) /.exec(path) ?? [];
  return given ?? (types.has(`struct ${path}`) ? 'struct' : types.has(`union ${path}`) ? 'union' : 'struct');
}

function valuesAt(
  kernel: DeadKernel,
  types: Types,
  { root, address, radix }: { readonly root: string; readonly address: bigint; readonly radix: Radix },
): StructValues {
  const sizeBytes = types.size(root);
  if (sizeBytes <= MOST_BYTES)
    return new StructValues(kernel, types, kernel.memory.readVirtual(address, sizeBytes, root), radix);
  throw new UsageError('STRUCT_SIZE', {
    action: `show the values of ${root}`,
    actual: `it has ${sizeBytes} bytes`,
    wanted: `${MOST_BYTES} at most`,
  });
}
