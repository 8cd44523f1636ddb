/**
 * The autopsy at the scene: stacks, tasks and locks of the crashed kernel in some KB beside the kernel log, for a dump that
 * is lost or does not fit. Another process makes it (scene/child.ts), which this one watches: whatever the memory of the
 * crashed kernel holds, the dump follows.
 */
import { AUTOPSY_JSON, AUTOPSY_TEXT } from '../autopsy/summary/autopsy.ts';
import { attempt, describeError } from '../errors.ts';
import { bytesOf, MEMINFO } from '../init/meminfo.ts';
import type { RunningAutopsy } from '../scene/child.ts';
import type { SceneResult } from '../scene/files.ts';
import type { ManifestFile } from '../storage/manifest.ts';
import type { TextPlace } from '../storage/place/place.ts';
import { type AutopsyView, AutopsyWatch, USUAL_OWN_BYTES } from './autopsy-watch.ts';
import type { Course, FoundAutopsy } from './record.ts';

const VMSTAT = '/proc/vmstat';
const LOOK_EVERY_SECONDS = 0.2;
/** Between two looks it is only asked whether the next is due. */
const ASK_EVERY_SECONDS = 0.05;
/** For the kernel to end a process that was killed. One that is held in a read of the vmcore is left behind. */
const LOOKS_AFTER_KILL = 10;

type Result = ReturnType<RunningAutopsy['result']>;

/** @returns the files that were written. @throws what the place throws, and DeadlineError. */
export function saveAutopsy(course: Course, place: TextPlace): ManifestFile[] {
  const { findings } = course;
  if (!findings.autopsy) {
    findings.autopsy = makeAutopsy(course);
    course.context.autopsist.discard();
  }
  const { record, texts } = findings.autopsy;
  const files = [...texts].map(([name, text]) => place.writeDurably(name, [text]));
  if (files.length > 0) {
    const { class: name = 'unknown', culprit } = record;
    const where = culprit === undefined ? '' : `, in ${culprit}`;
    course.context.log.say('autopsy', `${AUTOPSY_TEXT} is safe: the crash is of class ${name}${where}`);
  }
  return files;
}

function makeAutopsy(course: Course): FoundAutopsy {
  const { log, options } = course.context;
  const without = (state: 'skipped' | 'failed', why: string): FoundAutopsy => {
    if (state === 'failed') log.warn('autopsy', why);
    else log.say('autopsy', `skipped: ${why}`);
    return { record: { state, why }, texts: new Map() };
  };
  if (options.autopsy === 'no') return without('skipped', 'the option autopsy is no');
  const why = course.context.memory.refusal(USUAL_OWN_BYTES);
  if (why !== undefined) return without('skipped', why);
  try {
    const running = course.context.autopsist.start(options.triage === 'tables');
    const result = watch(course, running);
    if (result.state !== 'saved') return without(result.state, result.why);
    return {
      record: recordOf(result),
      texts: new Map([
        [AUTOPSY_TEXT, running.read('text')],
        [AUTOPSY_JSON, running.read('json')],
      ]),
      pages: attempt(() => running.pages()),
    };
  } catch (error) {
    return without('failed', describeError(error));
  }
}

function recordOf({ class: name, culprit }: SceneResult & { state: 'saved' }): FoundAutopsy['record'] {
  return {
    state: 'saved',
    ...(name !== undefined && { class: name }),
    ...(culprit !== undefined && { culprit }),
  };
}

/** Until it has ended or had to be ended. */
function watch(course: Course, running: RunningAutopsy): Result {
  const { clock, options } = course.context;
  const watcher = new AutopsyWatch(viewOf(course), {
    deadlineSeconds: options.deadlineSeconds,
    bootSeconds: course.phases.seconds.boot ?? 0,
    availableBytes: bytesOf(textOf(course, MEMINFO), 'MemAvailable'),
  });
  try {
    while (running.isRunning()) {
      course.phases.checkDeadline('autopsy');
      running.begin(watcher.mostOwnBytes);
      const why = watcher.look(viewOf(course, running));
      if (why !== undefined) return wasEnded(course, running, why);
      const next = clock.seconds() + LOOK_EVERY_SECONDS;
      do clock.sleep(ASK_EVERY_SECONDS);
      while (clock.seconds() < next && !running.isDue());
    }
    return running.result();
  } finally {
    end(course, running);
  }
}

/** What comes after the autopsy itself, the choice of pages for triage, may take longer than there is time for. */
function wasEnded({ context: { log } }: Course, running: RunningAutopsy, why: string): Result {
  const result = running.result();
  if (result.state !== 'saved') return { state: 'failed', why: `it was ended: ${why}` };
  log.say('triage', `skipped: the choice of pages was ended: ${why}`);
  return result;
}

function end({ context: { clock } }: Course, running: RunningAutopsy): void {
  if (running.isRunning()) running.kill();
  for (let looks = 0; looks < LOOKS_AFTER_KILL && running.isRunning(); looks++)
    clock.sleep(LOOK_EVERY_SECONDS);
}

function viewOf(course: Course, running?: RunningAutopsy): AutopsyView {
  return {
    nowSeconds: course.context.clock.seconds(),
    progress: running?.progress() ?? '',
    ownBytes: running?.anonymousBytes() ?? 0,
    refaults: Number(/^workingset_refault_file (\d+)$/m.exec(textOf(course, VMSTAT))?.[1] ?? 0),
  };
}

function textOf({ context: { readText } }: Course, path: string): string {
  return attempt(() => readText(path)) ?? '';
}
