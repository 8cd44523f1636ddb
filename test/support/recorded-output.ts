/** What a command prints, recorded in place of being shown. */
import { afterEach, beforeEach, vi } from 'vitest';

export interface RecordedOutput {
  /** Each write to standard output and standard error, in order. */
  said: string[];
}

/** Records during each test of the file, and gives back the exit code that a command left behind. */
export function recordOutput(): RecordedOutput {
  const output: RecordedOutput = { said: [] };
  beforeEach(() => {
    output.said = [];
    const take = (text: unknown) => {
      output.said.push(String(text));
      return true;
    };
    vi.spyOn(console, 'error').mockImplementation(take);
    vi.spyOn(console, 'log').mockImplementation(take);
    vi.spyOn(process.stdout, 'write').mockImplementation(take);
    vi.spyOn(process.stderr, 'write').mockImplementation(take);
  });
  afterEach(() => {
    vi.restoreAllMocks();
    process.exitCode = undefined;
  });
  return output;
}
