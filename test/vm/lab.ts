/** The set-up that the tests with real machines share: fetched and built once, quick when it is there. */

import { FAULTS } from '../../qemu/faults/all.ts';
import { crashWith, type Verdict } from '../../qemu/lab/crash.ts';
import { type Lab, openLab } from '../../qemu/lab/lab.ts';
import { DEFAULT_MACHINE } from '../../qemu/lab/options.ts';

export function openTestLab(): Promise<Lab> {
  return openLab(DEFAULT_MACHINE, line => console.log(line));
}

/** Crashes with a fault of the lab's by its name; `words` go to the crash kernel's command line. */
export function crashWithFault(lab: Lab, name: string, words: readonly string[] = []): Promise<Verdict> {
  const fault = FAULTS.find(one => one.name === name)!;
  const crashWords = [...(fault.crashWords ?? []), ...words];
  return crashWith(lab, { ...fault, crashWords }, { signal: new AbortController().signal });
}

/** What does not hold, with what was seen: an empty list is a pass, and a good failure message otherwise. */
export function broken({ checks }: Verdict): string[] {
  return checks.filter(({ holds }) => !holds).map(({ what, saw }) => `${what}: ${saw}`);
}
