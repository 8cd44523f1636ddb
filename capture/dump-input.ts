/** What a dump of a crash is made from, whichever format it gets: the pages to keep, and what its headers say. */
import type { Crash } from './crash.ts';
import { Bitmap } from './filter/bitmap.ts';
import { supportedPart } from './filter/dump-level.ts';
import type { DumpInput } from './kdump/writer.ts';
import { prstatusNotes } from './vmcore/notes.ts';
import type { Vmcore } from './vmcore/open.ts';
import { pfnRanges } from './vmcore/segments.ts';

export interface PageChoice {
  /** The pages to keep, zero pages included. */
  readonly bitmap2: Bitmap;
  /** The dump level that `bitmap2` fulfils: at most what was wished. */
  readonly dumpLevel: number;
  readonly warnings: readonly string[];
}

/** Degrades: where the pages of a class cannot be told, they are kept, with a warning. */
export function choosePages({ vmcore }: Crash, wishedLevel: number): PageChoice {
  const dumpLevel = supportedPart(wishedLevel);
  const warnings =
    dumpLevel === wishedLevel
      ? []
      : [`dump level ${wishedLevel} is not supported yet: more is kept, at level ${dumpLevel}`];
  return { bitmap2: presentPages(vmcore), dumpLevel, warnings };
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

/** Every page that the vmcore has: what dump levels 0 and 1 begin with. */
function presentPages({ segments, pageSizeBytes }: Vmcore): Bitmap {
  const ranges = pfnRanges(segments.segments, pageSizeBytes);
  const bitmap = Bitmap.create(ranges.at(-1)?.end ?? 0, pageSizeBytes);
  for (const { start, end } of ranges) bitmap.setRange(start, end);
  return bitmap;
}
