/** Which pages a dump that does not fit keeps, as far as they fit. */
import { type ReachRequest, reachablePages } from '../filter/reach.ts';
import type { Vmcore } from '../vmcore/open.ts';
import { PageOrder } from './page-order.ts';

/**
 * The pages for triage, all of them, then those that the kernel's data lead to.
 * @param triage those needed most first; empty where the kernel lacks what they are chosen by.
 * @throws as `reachablePages`
 */
export function rankPages(
  vmcore: Vmcore,
  request: ReachRequest,
  triage: readonly number[],
): readonly number[] {
  const most = Math.max(request.mostPages, triage.length);
  const order = new PageOrder(pfn => request.bitmap2.has(pfn), most);
  order.addAll(triage);
  if (!order.isFull) order.addAll(reachablePages(vmcore, request));
  return order.pfns;
}
