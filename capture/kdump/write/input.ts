/** What a dump of a crash is made from, whichever format it gets: the pages to keep, and what its headers say. */

import { DUMP_LEVEL_ZERO, needsMemmap } from '../../filter/dump-level.ts';
import { type DumpPlan, type PlanEvents, planDump } from '../../filter/plan.ts';
import type { Crash } from '../../kernel/crash.ts';
import { prstatusNotes } from '../../vmcore/notes.ts';
import type { DumpInput } from './writer.ts';

export interface PageChoice extends DumpPlan {
  /** What the headers may say of `bitmap2`: less than was wished where the pages could not be told apart. */
  readonly dumpLevel: number;
}

/** Degrades: where the pages of a class cannot be told, they are kept, with a warning. */
export function choosePages(crash: Crash, wishedLevel: number, events: PlanEvents = {}): PageChoice {
  const plan = planDump(crash, wishedLevel, events);
  const isFiltered = !needsMemmap(wishedLevel) || plan.pages !== undefined;
  return { ...plan, dumpLevel: isFiltered ? wishedLevel : wishedLevel & DUMP_LEVEL_ZERO };
}

/** What the headers say of the crashed machine. */
export function crashFacts({
  vmcore,
  utsname,
}: Crash): Pick<DumpInput, 'vmcore' | 'utsname' | 'crashTimeSeconds' | 'nr_cpus' | 'phys_base'> {
  return {
    vmcore,
    utsname,
    crashTimeSeconds: vmcore.vmcoreinfo.crashTimeSeconds ?? 0,
    nr_cpus: prstatusNotes(vmcore.notes).length,
    phys_base: BigInt(vmcore.vmcoreinfo.number('phys_base') ?? 0),
  };
}
