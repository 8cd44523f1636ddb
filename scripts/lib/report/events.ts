/** The reports that a log holds, in order, and the panic that ended it. */
import { HEADLINES, type Headline } from './headlines.ts';
import type { LogLine } from './log-lines.ts';

/** One report: a headline and what the same caller printed behind it. */
export interface LogEvent {
  readonly class: Headline['class'];
  /** Its most specific line. */
  readonly headline: string;
  readonly seconds?: number;
  /** From its first line to the next report, without lines of other callers. Texts, without their times. */
  readonly texts: readonly string[];
}

export interface Panic {
  /** The whole line. */
  readonly line: string;
  /** What follows "not syncing: ". */
  readonly said: string;
  readonly seconds?: number;
  /** The line, and the trace that panic() printed. */
  readonly texts: readonly string[];
}

export interface LogStory {
  readonly events: readonly LogEvent[];
  readonly panic?: Panic;
}

const PANIC = /^Kernel panic - not syncing: ?(.*)$/;
/** With registers, the modules of a large machine, and the backtraces of other CPUs. */
const REPORT_LINES = 400;
/** The most lines between two headlines of one report. */
const HEADLINE_LINES = 14;
/** Between two headlines, these say that the second belongs to another report. */
const REPORT_ENDS = /^(---\[ end trace|Call [Tt]race:)/;

interface Mark {
  readonly at: number;
  readonly headline: Headline;
  readonly text: string;
}

export function readStory(lines: readonly LogLine[]): LogStory {
  const panicAt = lines.findIndex(({ text }) => PANIC.test(text));
  const end = panicAt < 0 ? lines.length : panicAt;
  const marks = atEnds(marksOf(lines).filter(({ at }) => at < end));
  const events = [...Map.groupBy(marks, ({ at }) => lines[at]!.caller).values()]
    .flatMap(own => {
      const merged = mergeMarks(lines, own);
      return merged.map((mark, i) => ({ ...mark, end: merged[i + 1]?.at ?? end }));
    })
    .sort((one, other) => one.at - other.at)
    .map(mark => eventOf(lines, mark));
  if (panicAt < 0) return { events };
  const { text, seconds } = lines[panicAt]!;
  return {
    events,
    panic: {
      line: text.slice(0, MOST_CHARS),
      said: PANIC.exec(text)![1]!.slice(0, MOST_CHARS),
      ...(seconds !== undefined && { seconds }),
      texts: sameCaller(lines, panicAt, panicAt + REPORT_LINES).map(({ text }) => text),
    },
  };
}

const MOST_CHARS = 240;

function marksOf(lines: readonly LogLine[]): Mark[] {
  return lines.flatMap(({ text }, at) => {
    const headline = HEADLINES.find(({ pattern }) => pattern.test(text));
    return headline ? [{ at, headline, text: text.slice(0, MOST_CHARS) }] : [];
  });
}

/** A log has some; a machine that warns without end, or a damaged file, has a hundred thousand. */
const MOST_MARKS = 2000;

/** The first and the last ones: the cause is among them, as PANICS looks for it. */
function atEnds(marks: readonly Mark[]): readonly Mark[] {
  if (marks.length <= MOST_MARKS) return marks;
  return [...marks.slice(0, MOST_MARKS / 2), ...marks.slice(-MOST_MARKS / 2)];
}

interface MergedMark extends Mark {
  /** Its most specific line's. */
  readonly best: Mark;
}

/** @param marks of one caller. One report may have several headlines: "refcount_t: …", then "WARNING: …"; "BUG: …", then "Oops: …". */
function mergeMarks(lines: readonly LogLine[], marks: readonly Mark[]): MergedMark[] {
  const merged: MergedMark[] = [];
  for (const mark of marks) {
    const last = merged.at(-1);
    if (last && isOneReport(lines, last, mark)) {
      const best = mark.headline.rank > last.best.headline.rank ? mark : last.best;
      merged[merged.length - 1] = { ...last, best };
    } else merged.push({ ...mark, best: mark });
  }
  return merged;
}

/** Lists of hung tasks, of killed programs and of hardware errors repeat their headline. */
const REPEATED: readonly Headline['class'][] = ['hung-task', 'out-of-memory', 'machine-check'];

function isOneReport(lines: readonly LogLine[], before: Mark, mark: Mark): boolean {
  if (REPEATED.includes(mark.headline.class)) return false;
  if (mark.at - before.at > HEADLINE_LINES) return false;
  return !sameCaller(lines, before.at, mark.at).some(({ text }) => REPORT_ENDS.test(text));
}

function eventOf(lines: readonly LogLine[], { at, best, end }: MergedMark & { end: number }): LogEvent {
  const own = sameCaller(lines, at, Math.min(end, at + REPORT_LINES));
  const { seconds } = lines[at]!;
  return {
    class: best.headline.class,
    headline: best.text,
    ...(seconds !== undefined && { seconds }),
    texts: own.map(({ text }) => text),
  };
}

/** Where callers are printed, two CPUs that report at once are distinguished. */
function sameCaller(lines: readonly LogLine[], begin: number, end: number): LogLine[] {
  const { caller } = lines[begin]!;
  return lines.slice(begin, end).filter(line => line.caller === caller);
}
