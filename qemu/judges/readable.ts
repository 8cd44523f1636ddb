/** Which of some pages does a dump have? libkdumpfile reads them (readable.py). */
import type { Tool } from '../../build/fetch/tools.ts';
import { pythonScript, runPython } from './python.ts';

/** Returns those of `pfns` whose bytes the dump gives. @throws SystemError JUDGE_FAILED */
export async function readablePages(
  libkdumpfile: Tool,
  dump: string,
  pfns: readonly number[],
): Promise<ReadonlySet<number>> {
  const args = [dump, pfns.join(',')];
  const { readable } = await runPython<{ readable: number[] }>(
    libkdumpfile,
    pythonScript('readable.py'),
    args,
    120,
  );
  return new Set(readable);
}
