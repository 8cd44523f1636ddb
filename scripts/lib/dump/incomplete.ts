/** A dump that lacks pages because its input does, or because of a size limit: what is missing, and exit code 1. */
import { counted, DumpFormatError } from '../../../capture/errors.ts';
import type { PfnRange } from '../../../capture/vmcore/segments.ts';
import { pagesOf, type Shortfall } from '../../../capture/vmcore/shortfall.ts';
import { type InputDamage, listed } from './input-damage.ts';
import { type DumpRequest, nameOfTarget } from './request.ts';

const MOST_RANGES = 4;
const MOST_PFNS = 8;

/** What the input lacks, before any page is read. */
export interface InputState {
  readonly shortfall: Shortfall;
  /** A dump that is marked incomplete lacks so many pages; undefined for input without the mark. */
  readonly pagesMissingBefore: number | undefined;
  readonly damage: InputDamage;
  /** It names memory that no dump can have; see DumpPlan. */
  readonly lacksMemory: boolean;
}

export interface OutputState {
  readonly pagesUnreadable: number;
  readonly unreadablePfns: readonly number[];
  /** Pages for which the size limit left no room. */
  readonly pagesOverLimit?: number;
}

export function isIncomplete(input: InputState): boolean {
  return describeInput(input).length > 0;
}

/** @throws DumpFormatError if the dump lacks anything. Call it when the dump is written. */
export function requireComplete(request: DumpRequest, input: InputState, output: OutputState): void {
  const lacks = [...describeInput(input), ...describeOutput(request, output)];
  if (lacks.length === 0) return;
  const written = request.dryRun ? '' : `; ${nameOfTarget(request)} is marked incomplete`;
  throw new DumpFormatError('DUMP_INCOMPLETE', {
    action: `make a complete dump of ${request.vmcore}`,
    actual: `${lacks.join('; ')}${written}`,
  });
}

function describeInput({ shortfall, pagesMissingBefore, damage, lacksMemory }: InputState): string[] {
  const { segments, ranges, programHeaders } = shortfall;
  const lacks: string[] = [];
  if (pagesMissingBefore !== undefined) {
    lacks.push(`it is marked incomplete and lacks ${counted(pagesMissingBefore, 'page')}`);
  }
  if (damage.count > 0) {
    lacks.push(`it is damaged (${listed(damage)})`);
  }
  if (programHeaders > 0) lacks.push(`it lacks ${counted(programHeaders, 'program header')}`);
  if (segments > 0) {
    const pages = counted(pagesOf(ranges), 'page');
    lacks.push(`it lacks ${pages} of ${counted(segments, 'segment')}${listedRanges(ranges)}`);
  }
  if (lacksMemory && segments === 0) lacks.push('it names memory that a dump cannot have');
  return lacks;
}

function describeOutput(
  { sizeLimitBytes }: DumpRequest,
  { pagesUnreadable, unreadablePfns, pagesOverLimit = 0 }: OutputState,
): string[] {
  const lacks: string[] = [];
  if (pagesUnreadable > 0) {
    const some = unreadablePfns.slice(0, MOST_PFNS);
    const more = pagesUnreadable - some.length;
    const rest = more > 0 ? ` and ${more} more` : '';
    lacks.push(`${counted(pagesUnreadable, 'page')} cannot be read: ${some.join(', ')}${rest}`);
  }
  if (pagesOverLimit > 0) {
    const pages = counted(pagesOverLimit, 'page');
    lacks.push(`the size limit of ${sizeLimitBytes} bytes leaves no room for ${pages}`);
  }
  return lacks;
}

function listedRanges(ranges: readonly PfnRange[]): string {
  if (ranges.length === 0) return '';
  const texts = ranges.slice(0, MOST_RANGES).map(({ start, end }) => `${start} to ${end - 1}`);
  const rest = ranges.length > MOST_RANGES ? ' …' : '';
  return ` (page frames ${texts.join(', ')}${rest})`;
}
