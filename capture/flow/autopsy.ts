/**
 * The autopsy at the scene: stacks, tasks and locks of the crashed kernel in some KB beside the kernel log, for a dump that
 * is lost or does not fit. Another process makes it (autopsy-run.ts): whatever the memory of the crashed kernel holds, the dump
 * follows, or is made meanwhile (beside.ts).
 */
import { AUTOPSY_TEXT } from '../autopsy/summary/autopsy.ts';
import { attempt, describeError } from '../errors.ts';
import type { ManifestFile } from '../storage/manifest.ts';
import type { TextPlace } from '../storage/place/place.ts';
import type { HelperProcess } from '../threads/helper.ts';
import { ASK_EVERY_SECONDS } from './autopsy-run.ts';
import type { Course, FoundAutopsy, Scene } from './record.ts';

/** Made once, written to each target. Nothing here throws: what fails is a warning. */
export class AutopsySaving implements Scene {
  readonly #course: Course;
  readonly #place: TextPlace;
  readonly #onFiles: (files: readonly ManifestFile[]) => void;
  #isOver = false;

  /** @param onFiles is called once with the files that were written. */
  constructor(course: Course, place: TextPlace, onFiles: (files: readonly ManifestFile[]) => void) {
    this.#course = course;
    this.#place = place;
    this.#onFiles = onFiles;
  }

  get helper(): HelperProcess | undefined {
    return this.#course.autopsy.helper;
  }

  get isRunning(): boolean {
    return this.#course.autopsy.isRunning;
  }

  /** Writes the autopsy when it is there. For other work that makes progress. */
  look(): void {
    attempt(
      () => this.#writeWhenFound(),
      error => this.#course.context.log.warn('autopsy', describeError(error)),
    );
  }

  /** Waits until it is there, and writes it. */
  finish(): void {
    if (this.#isOver) return;
    try {
      this.#course.phases.run('autopsy', () => {
        this.#course.autopsy.start();
        this.#wait();
      });
    } catch (error) {
      this.#giveUp(describeError(error));
    }
  }

  #wait(): void {
    const { context, phases } = this.#course;
    for (this.#writeWhenFound(); !this.#isOver; this.#writeWhenFound()) {
      phases.checkDeadline('autopsy');
      if (!this.#isOver) context.clock.sleep(ASK_EVERY_SECONDS);
    }
  }

  #giveUp(why: string): void {
    const found = this.isRunning && this.#course.autopsy.fail(why);
    if (found) this.#write(found);
    else this.#course.context.log.warn('autopsy', why);
    this.#isOver = true;
  }

  #writeWhenFound(): void {
    const found = this.#isOver ? undefined : this.#course.autopsy.look();
    if (found) this.#write(found);
  }

  #write(found: FoundAutopsy): void {
    const { context } = this.#course;
    this.#isOver = true;
    const { record, texts } = found;
    const files = [...texts].map(([name, text]) => this.#place.writeDurably(name, [text]));
    if (files.length === 0) return;
    this.#onFiles(files);
    const { class: name = 'unknown', culprit } = record;
    const where = culprit === undefined ? '' : `, in ${culprit}`;
    context.log.say('autopsy', `${AUTOPSY_TEXT} is safe: the crash is of class ${name}${where}`);
  }
}
