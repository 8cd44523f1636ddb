/** The order in which a dump that is too large gives its pages up, turned round: those that a debugger needs, then the rest. */
import { describeError } from '../errors.ts';
import { type ReachRequest, reachablePages } from '../filter/reach.ts';
import type { Vmcore } from '../vmcore/open.ts';
import { PageOrder } from './page-order.ts';
import { selectTriage } from './select.ts';

/**
 * The pages for triage, then those that the kernel's data lead to. Degrades: where the kernel lacks what the selection goes
 * by, only the latter.
 * @param onDegraded with a sentence about it.
 * @throws as `reachablePages`, and what `onProgress` throws.
 */
export function rankPages(
  vmcore: Vmcore,
  request: ReachRequest,
  onDegraded: (problem: string) => void,
): readonly number[] {
  const order = new PageOrder(pfn => request.bitmap2.has(pfn), request.mostPages);
  order.addAll(triageFirst(vmcore, request, onDegraded));
  if (!order.isFull) order.addAll(reachablePages(vmcore, request));
  return order.pfns;
}

function triageFirst(
  vmcore: Vmcore,
  { bitmap2, mostPages, onProgress }: ReachRequest,
  onDegraded: (problem: string) => void,
): readonly number[] {
  let interrupted: unknown;
  const watched = (): void => {
    try {
      onProgress?.(0);
    } catch (error) {
      interrupted = error;
      throw error;
    }
  };
  try {
    return selectTriage(vmcore, { isHeld: pfn => bitmap2.has(pfn), mostPages, onProgress: watched }).pfns;
  } catch (error) {
    if (interrupted !== undefined) throw interrupted;
    onDegraded(describeError(error));
    return [];
  }
}
