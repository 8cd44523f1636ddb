/**
 * What the capture and its autopsy program share: a directory in memory. The program overwrites `progress` in place and
 * gives the result and the pages their names when they are whole.
 */
import { join } from 'node:path';
import { AUTOPSY_JSON, AUTOPSY_TEXT } from '../autopsy/summary/autopsy.ts';

export interface SceneFiles {
  /** The program is there when Node has started, and waits for `begin`; see begin.ts. */
  readonly started: string;
  readonly begin: string;
  /** A number that grows with the reads of the vmcore. */
  readonly progress: string;
  readonly text: string;
  readonly json: string;
  readonly result: string;
  /** The pages for a triage dump: doubles, of which the first says how many of the others debuggers need. */
  readonly pages: string;
  /** What the program and Node print on standard error. */
  readonly errors: string;
}

export function sceneFiles(directory: string): SceneFiles {
  return {
    started: join(directory, 'started'),
    begin: join(directory, 'begin'),
    progress: join(directory, 'progress'),
    text: join(directory, AUTOPSY_TEXT),
    json: join(directory, AUTOPSY_JSON),
    result: join(directory, 'result.json'),
    pages: join(directory, 'triage-pages'),
    errors: join(directory, 'errors'),
  };
}

/** The program's last argument where the triage dump gets what stands in for debug symbols. */
export const TABLES = 'tables';

/** Of the JSON. The text is shorter. Usual are 20 to 30 KB. */
export const MOST_AUTOPSY_BYTES = 512 << 10;

/** The pages for a triage dump, those needed most first. */
export interface ScenePages {
  readonly pfns: readonly number[];
  /** How many of `pfns`, from the first on, debuggers need; see triage/select.ts. */
  readonly debuggerPages: number;
}

/** What came of it. */
export type SceneResult =
  | {
      readonly state: 'saved';
      /** Of the crash, where the stack shows it. */
      readonly class?: string;
      /** The function to look at first. */
      readonly culprit?: string;
      readonly stacks: number;
    }
  /** The memory does not give it. */
  | { readonly state: 'skipped'; readonly why: string };
