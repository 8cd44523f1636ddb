/** The input of a dump in any format: the pages to keep, and the facts for its headers. */

import { DUMP_LEVEL_ZERO, needsMemmap } from '../../filter/dump-level.ts';
import { type DumpPlan, type PlanEvents, planDump } from '../../filter/plan.ts';
import type { Crash } from '../../kernel/crash.ts';
import { prstatusNotes } from '../../vmcore/notes.ts';
import type { DumpInput } from './writer.ts';

export interface PageChoice extends DumpPlan {
  /** The dump level for the headers: lower than the requested one if pages could not be classified. */
  readonly dumpLevel: number;
}

/** Degrades: pages of a class that cannot be identified are kept, with a warning. */
export function choosePages(crash: Crash, wishedLevel: number, events: PlanEvents = {}): PageChoice {
  const plan = planDump(crash, wishedLevel, events);
  const isFiltered = !needsMemmap(wishedLevel) || plan.pages !== undefined;
  return { ...plan, dumpLevel: isFiltered ? wishedLevel : wishedLevel & DUMP_LEVEL_ZERO };
}

/** The facts about the crashed machine for the headers. */
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
