/**
 * The capture's planner on a vmcore, bundled and run as a process of its own: prints as JSON what choosing the pages took,
 * and what else is done with whole bitmaps. It writes no dump.
 */

import { openLibc } from '../../capture/ffi/libc.ts';
import { openFfi } from '../../capture/ffi/library.ts';
import type { CaptureContext } from '../../capture/flow/context.ts';
import type { Phases } from '../../capture/flow/phases.ts';
import { DumpPlanner } from '../../capture/flow/plan.ts';
import { writeBitmaps } from '../../capture/kdump/write/bitmaps.ts';
import { openCrash } from '../../capture/kernel/crash.ts';
import { openLog } from '../../capture/log.ts';
import { DEFAULT_OPTIONS } from '../../capture/options/schema.ts';
import type { DumpPlace } from '../../capture/storage/place/place.ts';
import { LADDER } from '../../capture/storage/policy/ladder.ts';
import { openVmcoreFile } from '../../capture/vmcore/reader.ts';

export interface Spent {
  readonly wallSeconds: number;
  /** User and system. */
  readonly cpuSeconds: number;
}

export interface PlanRun {
  /** Of the crashed machine, as far as the memmap speaks of them. */
  readonly pages: number;
  readonly kept: number;
  /** Of each bitmap. */
  readonly bitmapBytes: number;
  /** By phase: `plan` chooses the pages; `space` predicts the size and finds the first pages of a bounded dump. */
  readonly phases: Readonly<Record<'plan' | 'space' | 'bound' | 'bitmaps', Spent>>;
  readonly warnings: readonly string[];
}

/** Of a target that is too small, so that the pages which a debugger needs first are searched: two more bitmaps. */
const ROOM_BYTES = 1e9;

const [vmcorePath, scratch] = process.argv.slice(2);
const spent: Record<string, Spent> = {};
const phases: Pick<Phases, 'run' | 'checkDeadline'> = {
  run(name, work) {
    const [cpu, wallMs] = [process.cpuUsage(), performance.now()];
    const result = work();
    const { user, system } = process.cpuUsage(cpu);
    const wallSeconds = (performance.now() - wallMs) / 1000;
    spent[name] = { wallSeconds, cpuSeconds: (user + system) / 1e6 };
    return result;
  },
  checkDeadline: () => {},
};
const clock = { seconds: () => performance.now() / 1000 };
const log = openLog(line => process.stderr.write(line), clock.seconds);
const ffi = openFfi();
const libc = openLibc(ffi);
const options = { ...DEFAULT_OPTIONS, dumpLevel: 31 };
const source = openVmcoreFile(vmcorePath, libc);
const crash = openCrash(source);
const planner = new DumpPlanner({
  findings: { isLogSaved: false },
  context: { options, log, clock, ffi, libc } as CaptureContext,
  phases: phases as Phases,
  crash,
  place: { scratch } as DumpPlace,
  // As on a target where it matters which dump fits.
  keeper: { room: () => ({ users: 0, root: 0 }) },
});
const planned = planner.plan(LADDER[0]);
const { layout, pages } = planned;
phases.run('bound', () => planner.bound(planned, layout.dataOffset + ROOM_BYTES));
const nowhere = { writeAt: () => {}, sync: () => {}, allowsHoles: true };
const digest = { update: () => {}, zeros: () => {} };
const { segments } = crash.vmcore.segments;
phases.run('bitmaps', () => writeBitmaps(layout, { segments, bitmap2: pages.bitmap2 }, nowhere, digest));
const result: PlanRun = {
  pages: Object.values(pages.pages ?? {}).reduce((sum, count) => sum + count, 0),
  kept: pages.bitmap2.count(),
  bitmapBytes: layout.bitmapBytes,
  phases: spent as PlanRun['phases'],
  warnings: log.warnings,
};
console.log(JSON.stringify(result));
planner.close();
source.close();
