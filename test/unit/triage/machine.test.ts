/** What a debugger reads of memory nodes before it opens a dump: all zones, those without memory too. */
import { expect, test } from 'vitest';
import { addNodes } from '../../../capture/triage/machine.ts';
import { PageOrder } from '../../../capture/triage/page-order.ts';
import { PageRecorder } from '../../../capture/triage/recorder.ts';
import { SmallKernel } from '../../support/small-kernel.ts';
import { LAYOUT, withNodes } from '../autopsy/memory/memory-fixture.ts';

const PAGE = 4096n;
/** The zones of a node lie in four pages. */
const ZONES = { at: 0x100, stride: 0x1100, count: 3 };
const NODES = [0x10000n, 0x20000n];

function machine(): SmallKernel {
  const node_zones = [ZONES.at, ZONES.stride, ZONES.count] as const;
  const kernel = withNodes(
    new SmallKernel({ ...LAYOUT, members: { ...LAYOUT.members, 'pglist_data.node_zones': node_zones } }),
  );
  const bytes = ZONES.at + ZONES.stride * ZONES.count;
  // None of the zones has a page.
  for (const node of NODES) for (let at = 0n; at < bytes; at += PAGE) kernel.number(node + at + 0x800n, 8, 0);
  return kernel;
}

function pagesOf(kernel: SmallKernel): ReadonlySet<number> {
  const order = new PageOrder(() => true, 1000);
  addNodes({ kernel: kernel.open(), recorder: new PageRecorder(order, Number(PAGE), () => {}) });
  return new Set(order.pfns);
}

test('zones without memory have their pages too', () => {
  const pages = pagesOf(machine());
  const expected = NODES.flatMap(node => [0n, 1n, 2n, 3n].map(page => Number(node / PAGE + page)));
  expect(expected.filter(pfn => !pages.has(pfn))).toEqual([]);
});
