/** The kernel's linked lists and trees (include/linux/list.h, rbtree.h), bounded: a broken one ends in an error, never in a loop. */
import { KernelError } from '../errors.ts';
import type { DeadKernel } from './kernel.ts';

type Readable = Pick<DeadKernel, 'memory' | 'types'>;

/** More than a machine has of anything that the autopsy lists. */
export const MOST_ENTRIES = 1 << 20;

/**
 * The structures in a `struct list_head` list, without the head.
 * @param head of the list: the address of a list_head that is in no entry.
 * @param member where in an entry the list_head is: `module.list`.
 * @throws KernelError after the entries before the break; AutopsyError for an unknown member.
 */
export function* listEntries(
  { memory, types }: Readable,
  head: bigint,
  member: string,
  most = MOST_ENTRIES,
): Generator<bigint> {
  const offset = BigInt(types.offset(member));
  const what = `the list of ${member}`;
  let count = 0;
  // A list that runs in a circle without its head comes back to an entry that was marked (R. P. Brent, 1980).
  let marked = head;
  for (let node = memory.pointer(head, what); node !== head; node = memory.pointer(node, what)) {
    if (++count > most) throw tooLong(what, most, head);
    if (node === marked) throw circular(what, count, head);
    if ((count & (count - 1)) === 0) marked = node;
    yield BigInt.asUintN(64, node - offset);
  }
}

/**
 * The structures in a red-black tree, in order.
 * @param root the address of a `struct rb_root`.
 * @param member where in an entry the rb_node is: `mount.mnt_node`.
 * @throws as `listEntries`
 */
export function* treeEntries(
  { memory, types }: Readable,
  root: bigint,
  member: string,
  most = MOST_ENTRIES,
): Generator<bigint> {
  const offset = BigInt(types.offset(member));
  const what = `the tree of ${member}`;
  const left = BigInt(types.offset('rb_node.rb_left'));
  const right = BigInt(types.offset('rb_node.rb_right'));
  const above: bigint[] = [];
  let count = 0;
  let node = memory.u64(root + BigInt(types.offset('rb_root.rb_node')), what);
  while (node !== 0n || above.length > 0) {
    while (node !== 0n) {
      if (above.length > MOST_DEPTH) throw tooLong(what, most, root);
      above.push(node);
      node = memory.u64(node + left, what);
    }
    const next = above.pop()!;
    if (++count > most) throw tooLong(what, most, root);
    yield BigInt.asUintN(64, next - offset);
    node = memory.u64(next + right, what);
  }
}

/** A red-black tree of 2^n nodes is at most 2n deep. */
const MOST_DEPTH = 128;

function circular(what: string, count: number, at: bigint): KernelError {
  return new KernelError(
    'KERNEL_LIST',
    {
      action: `follow ${what}`,
      actual: `it runs in a circle after ${count} entries`,
      wanted: 'one that ends',
    },
    { at },
  );
}

function tooLong(what: string, most: number, at: bigint): KernelError {
  return new KernelError(
    'KERNEL_LIST',
    { action: `follow ${what}`, actual: `it does not end after ${most} entries`, wanted: 'one that ends' },
    { at },
  );
}
