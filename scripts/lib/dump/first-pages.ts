/** The dumps of `kdumpling dump` that begin with what a debugger needs: for triage, or within a size limit. */
import { attempt, counted, describeError } from '../../../capture/errors.ts';
import type { ReachRequest } from '../../../capture/filter/reach.ts';
import { boundDump } from '../../../capture/kdump/write/first-pages.ts';
import { dumpSteps, layoutOf } from '../../../capture/kdump/write/writer.ts';
import { MOST_TRIAGE_BYTES, MOST_TRIAGE_PAGES, triageBitmap } from '../../../capture/triage/bitmap.ts';
import { rankPages } from '../../../capture/triage/rank.ts';
import { selectTriage } from '../../../capture/triage/select.ts';
import type { Vmcore } from '../../../capture/vmcore/open.ts';
import { requireComplete } from './incomplete.ts';
import { type NarrowPages, openKdumpInput, summarize } from './kdump.ts';
import type { Messages } from './messages.ts';
import { withTarget } from './output.ts';
import { type DumpRequest, nameOfTarget } from './request.ts';
import { runSteps } from './steps.ts';

/** As `dumpKdump`, within the size limit: the dump has the pages that a debugger needs first. */
export async function dumpFirstPages(
  request: DumpRequest,
  messages: Messages,
  signal: AbortSignal,
): Promise<void> {
  const input = openKdumpInput(request, messages, narrowToTriage);
  const { vmcore, bitmap2, dumpLevel, codec } = input;
  const events = { onProgress: messages.progress, onWarning: messages.warn };
  try {
    const dump = { vmcore, bitmap2, dumpLevel, codec, layout: layoutOf(input) };
    const bound = boundDump(dump, request.sizeLimitBytes ?? Number.POSITIVE_INFINITY, {
      allocate: input.allocate,
      rank: (ranked, wanted) => rankPages(ranked, wanted, triageOrNone(ranked, wanted, messages)),
      onUnranked: cause => messages.warn(`pages are taken in the order of memory: ${describeError(cause)}`),
    });
    const { counts, unreadablePfns } = await withTarget(request, signal, sink =>
      runSteps(dumpSteps({ ...input, bound }, sink, events), signal),
    );
    messages.say(`${nameOfTarget(request)}: ${summarize(counts, input)}`);
    messages.report(JSON.stringify(counts));
    const pagesOverLimit = counts.pagesMissing - counts.pagesUnreadable;
    requireComplete(request, input, { ...counts, unreadablePfns, pagesOverLimit });
  } finally {
    codec.close();
  }
}

/** Degrades: without its symbols and types, a kernel's pages have only the order of its pointers. */
function triageOrNone(vmcore: Vmcore, { bitmap2 }: ReachRequest, messages: Messages): readonly number[] {
  const request = { isHeld: (pfn: number) => bitmap2.has(pfn), mostPages: MOST_TRIAGE_PAGES };
  const select = () => selectTriage(vmcore, request);
  return attempt(select, error => messages.debug(describeError(error)))?.pfns ?? [];
}

/** The pages for triage, where the request is for these. */
export const narrowToTriage: NarrowPages = (request, dump, bitmap2, messages, allocate) => {
  if (request.triage === 'no') return undefined;
  const triage = selectTriage(dump.vmcore, {
    isHeld: pfn => bitmap2.has(pfn),
    mostPages: MOST_TRIAGE_PAGES,
  });
  for (const problem of triage.problems) messages.warn(problem);
  const { parts, pfns, debuggerPages } = triage;
  const wanted = request.triage === 'tables' ? pfns : pfns.slice(0, debuggerPages);
  const found = triageBitmap(dump, bitmap2, wanted, allocate);
  if (found.leftOut > 0) {
    messages.warn(
      `${counted(found.leftOut, 'page')} for triage left out: they exceed ${MOST_TRIAGE_BYTES} bytes`,
    );
  }
  messages.debug(`pages for triage: ${parts.map(({ name, pages }) => `${name} ${pages}`).join(', ')}`);
  return found.bitmap2;
};
