/** The set-up that the tests with real machines share. */

import { FAULTS } from '../../qemu/faults/all.ts';
import { crashWith, type Verdict } from '../../qemu/lab/crash.ts';
import { type Lab, openLab } from '../../qemu/lab/lab.ts';
import { DEFAULT_MACHINE } from '../../qemu/lab/options.ts';

export function openTestLab(): Promise<Lab> {
  return openLab(DEFAULT_MACHINE, line => console.log(line));
}

/** Crashes with a fault, by its name. `words` are added to the crash kernel's command line. */
export function crashWithFault(lab: Lab, name: string, words: readonly string[] = []): Promise<Verdict> {
  const fault = FAULTS.find(one => one.name === name)!;
  const crashWords = [...(fault.crashWords ?? []), ...words];
  return crashWith(lab, { ...fault, crashWords }, { signal: new AbortController().signal });
}

/** The checks that do not hold, with what was seen. An empty list is a pass. */
export function broken({ checks }: Verdict): string[] {
  return checks.filter(({ holds }) => !holds).map(({ what, saw }) => `${what}: ${saw}`);
}
