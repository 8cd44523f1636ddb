/** Which of a log's reports is the cause of its end, and what of it is the culprit. */
import { type ClassName, classOf } from '../../../capture/autopsy/summary/classes.ts';
import { tellingFrames } from '../../../capture/autopsy/summary/culprit.ts';
import { backtraceOfOther, type CrashSite, NO_SITE, readSite } from './crash-site.ts';
import type { LogEvent, LogStory } from './events.ts';
import { type Frame, frameInText } from './frames.ts';
import { PANICS, type PanicKind, UNPANICKED } from './headlines.ts';

export interface Cause {
  readonly class: ClassName;
  /** The line that says it best. */
  readonly reason?: string;
  readonly site: CrashSite;
  /** The function to look at first. */
  readonly culprit?: Frame;
  /** The functions from the culprit outwards, for the signature. */
  readonly frames: readonly Frame[];
  /** The report it was taken from, or what panic() printed: the raw oops, for decode_stacktrace. */
  readonly texts: readonly string[];
  /** The reports that make up the cause: all tasks of a hang, all banks of a machine check. */
  readonly batch: readonly LogEvent[];
}

/** Reports of one scan of khungtaskd, or of one machine check, are this near to each other. */
const BATCH_SECONDS = 10;

export function findCause(story: LogStory, reason: string | undefined): Cause {
  const { panic } = story;
  const kind = panic ? PANICS.find(({ pattern }) => pattern.test(panic.said)) : UNPANICKED;
  const batch = kind ? batchOf(story, kind) : [];
  const event = batch[0];
  const own = panic ? readSite(panic.texts) : NO_SITE;
  if (event) return causeOf(event, batch, own);
  const line = panic?.line ?? reason;
  const name = kind?.class ?? (line === undefined ? 'unknown' : 'panic');
  const named = panic ? frameInText(panic.said) : undefined;
  return withCulprit(
    {
      class: name,
      ...(line !== undefined && { reason: line }),
      site: own,
      texts: panic?.texts ?? [],
      batch: [],
    },
    named,
  );
}

/** Every other report of the log, for those who look for what came before. */
export function otherEvents({ events }: LogStory, { batch }: Cause): LogEvent[] {
  const own = new Set(batch);
  return events.filter(event => !own.has(event));
}

function batchOf(
  { events, panic }: LogStory,
  { from = [], which, withinSeconds = Number.POSITIVE_INFINITY }: PanicKind,
): LogEvent[] {
  const fitting = events.filter(
    event => from.includes(event.class) && !isLater(panic?.seconds, event.seconds, withinSeconds),
  );
  const last = fitting.at(-1);
  if (!last) return [];
  if (which === 'first') return [fitting[0]!];
  if (which === 'last') return [last];
  return fitting.filter(({ seconds }) => !isLater(last.seconds, seconds, BATCH_SECONDS));
}

function isLater(later: number | undefined, earlier: number | undefined, seconds: number): boolean {
  return later !== undefined && earlier !== undefined && later - earlier > seconds;
}

/** @param last what panic() printed: it has what the report itself lacks (a place, the machine, the modules). */
function causeOf(event: LogEvent, batch: readonly LogEvent[], last: CrashSite): Cause {
  const own = readSite(event.texts);
  const other = classOf(event.class).blame === 'interrupted' ? backtraceOfOther(event.texts) : undefined;
  const reported = other
    ? { ...readSite(other), modules: own.modules }
    : own.at || own.trace.length > 0
      ? own
      : { ...last, ...(own.task && { task: own.task }), modules: own.modules };
  const site: CrashSite = {
    ...reported,
    ...(reported.hardware === undefined && last.hardware !== undefined && { hardware: last.hardware }),
    modules: reported.modules.length > 0 ? reported.modules : last.modules,
    taints: reported.taints.length > 0 ? reported.taints : last.taints,
  };
  const named = frameInText(event.headline);
  return withCulprit({ class: event.class, reason: event.headline, site, texts: event.texts, batch }, named);
}

/** @param named the function that the headline names: the kernel knows best. */
function withCulprit(cause: Omit<Cause, 'frames' | 'culprit'>, named: Frame | undefined): Cause {
  const { blame } = classOf(cause.class);
  const frames = tellingFrames(cause.site, blame, named);
  const [culprit] = frames;
  return { ...cause, frames, ...(culprit && { culprit }) };
}
