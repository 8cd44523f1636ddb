/** The kernel's xarray, which an idr is too (include/linux/xarray.h): a tree of nodes with 64 slots each. */
import { KernelError } from '../errors.ts';
import type { DeadKernel } from './kernel.ts';
import { MOST_ENTRIES } from './lists.ts';

type Readable = Pick<DeadKernel, 'memory' | 'types' | 'fields'>;

/** 64 bits of index, 6 a level. */
const MOST_LEVELS = 11;
/** The two low bits of an entry that the xarray keeps for itself; small ones are marks (sibling, retry, zero). */
const INTERNAL = 2n;
const LEAST_NODE = 4096n;

/**
 * What is stored, in order of its index. Values, which have bit 0 set, come as they are.
 * @param xarray its address.
 * @param onNode for the address of each `struct xa_node`.
 * @throws KernelError for a tree that is damaged, after what came before; AutopsyError for an unknown layout.
 */
export function* xarrayEntries(
  { memory, types, fields }: Readable,
  xarray: bigint,
  most = MOST_ENTRIES,
  onNode: (node: bigint) => void = () => {},
): Generator<bigint> {
  const head = fields.pointer(xarray, 'xarray.xa_head');
  const slots = types.field('xa_node.slots');
  const stack: { readonly node: bigint; slot: number }[] = [];
  const refuse = (actual: string) =>
    new KernelError('KERNEL_XARRAY', { action: 'follow an xarray', actual, wanted: 'a tree' }, { xarray });
  if (head === 0n) return;
  if (!isNode(head)) {
    yield head;
    return;
  }
  const enter = (entry: bigint): void => {
    stack.push({ node: entry - INTERNAL, slot: 0 });
    onNode(entry - INTERNAL);
  };
  enter(head);
  let seen = 0;
  while (stack.length > 0) {
    const at = stack.at(-1)!;
    if (at.slot === (slots.elements ?? 0)) {
      stack.pop();
      continue;
    }
    if (++seen > most * 2) throw refuse(`it has more than ${most} entries`);
    const entry = memory.u64(at.node + BigInt(slots.offsetBytes + 8 * at.slot++), 'xa_node.slots');
    if (isNode(entry)) {
      if (stack.length === MOST_LEVELS) throw refuse(`it has more than ${MOST_LEVELS} levels`);
      enter(entry);
    } else if (entry !== 0n && (entry & 3n) !== INTERNAL) yield entry;
  }
}

function isNode(entry: bigint): boolean {
  return (entry & 3n) === INTERNAL && entry > LEAST_NODE;
}
