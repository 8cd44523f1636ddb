/** What a check is: it has a name, and says what was seen. */
import type { Tool, ToolName } from '../../build/fetch/tools.ts';
import type { LogReader } from '../judges/kernel-log.ts';
import type { CrashRun } from '../run/run.ts';

export interface Check {
  readonly what: string;
  readonly holds: boolean;
  readonly saw: string;
}

/** The tools that judge. None of them is ours. */
export interface Judges {
  readonly log: LogReader;
  /** Fetched on first use. */
  readonly tool: (name: ToolName) => Promise<Tool>;
  /** The kernel's debug symbols (300 MB), fetched on first use. */
  readonly vmlinux: () => Promise<string>;
}

export type Expectation = (run: CrashRun, judges: Judges) => Check[] | Promise<Check[]>;
