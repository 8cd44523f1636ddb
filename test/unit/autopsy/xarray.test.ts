/** The entries of an xarray, whole and damaged. */
import { expect, test } from 'vitest';
import { xarrayEntries } from '../../../capture/autopsy/xarray.ts';
import { KernelError } from '../../../capture/errors.ts';
import { SmallKernel } from '../../support/small-kernel.ts';

const XARRAY = 0x1000n;
const ROOT = 0x2000n;
const LEAF = 0x3000n;

function kernelWith(entries: Readonly<Record<string, bigint>>): () => bigint[] {
  const kernel = new SmallKernel({ members: { 'xarray.xa_head': [8, 8], 'xa_node.slots': [16, 8, 4] } });
  for (const at of [XARRAY, ROOT, LEAF]) kernel.number(at, 8, 0);
  for (const [at, entry] of Object.entries(entries)) kernel.number(BigInt(at), 8, entry);
  return () => [...xarrayEntries(kernel.open(), XARRAY, 100)];
}

const head = `${XARRAY + 8n}`;
const slot = (node: bigint, number: number) => `${node + 16n + BigInt(8 * number)}`;
const asNode = (node: bigint) => node + 2n;

test.each([
  ['empty', {}, []],
  ['one entry in the head', { [head]: 0x8000n }, [0x8000n]],
  [
    'a node',
    { [head]: asNode(ROOT), [slot(ROOT, 0)]: 0x8000n, [slot(ROOT, 3)]: 0x9000n },
    [0x8000n, 0x9000n],
  ],
  [
    'two levels, values, and marks of its own (sibling, retry, zero)',
    {
      [head]: asNode(ROOT),
      [slot(ROOT, 0)]: asNode(LEAF),
      [slot(ROOT, 1)]: 0x402n,
      [slot(ROOT, 2)]: 7n,
      [slot(LEAF, 1)]: 0x8000n,
      [slot(LEAF, 2)]: 0x101n,
    },
    [0x8000n, 0x101n, 7n],
  ],
])('%s', (_, entries, found) => {
  expect(kernelWith(entries)()).toEqual(found);
});

test.each([
  [
    'a node that is its own child',
    { [head]: asNode(ROOT), [slot(ROOT, 0)]: asNode(ROOT) },
    /more than 11 levels/,
  ],
  ['a node that is not held', { [head]: asNode(0x70000n) }, /not mapped/],
])('%s', (_, entries, message) => {
  expect(kernelWith(entries)).toThrow(KernelError);
  expect(kernelWith(entries)).toThrow(message);
});
