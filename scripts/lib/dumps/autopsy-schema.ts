/** The schema of autopsy.json, for what another version or a failing disk left under that name. */
import * as v from 'valibot';
import { AUTOPSY_FORMAT, type Autopsy, PAGE_USES } from '../../../capture/autopsy/summary/autopsy.ts';

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const MISSING = v.object({ missing: v.string() });
const part = <T extends v.GenericSchema>(schema: T) => v.union([MISSING, schema]);

const TASK = v.object({ pid: v.pipe(v.number(), v.safeInteger()), comm: v.string() });
const FRAME = v.object({
  address: v.string(),
  name: v.optional(v.string()),
  offset: v.optional(v.string()),
  size: v.optional(v.string()),
  module: v.optional(v.string()),
  context: v.optional(v.string()),
  interrupted: v.optional(v.boolean()),
  doubtful: v.optional(v.literal(true)),
});
const STACK = v.array(FRAME);
const USES = v.object(Object.fromEntries(PAGE_USES.map(use => [use, v.optional(count)])));

const AUTOPSY = v.object({
  format: v.literal(AUTOPSY_FORMAT),
  kernel: v.object({ release: v.optional(v.string()), nodename: v.optional(v.string()) }),
  crash: part(
    v.object({
      class: v.optional(v.string()),
      culprit: v.optional(FRAME),
      cpu: count,
      task: v.optional(TASK),
      registers: v.record(v.string(), v.string()),
      stack: part(STACK),
    }),
  ),
  cpus: part(
    v.array(
      v.object({
        cpu: count,
        task: v.optional(TASK),
        isIdle: v.boolean(),
        isPanicking: v.boolean(),
        stack: part(STACK),
      }),
    ),
  ),
  stacks: part(
    v.array(
      v.object({
        stack: STACK,
        incomplete: v.optional(v.string()),
        count,
        states: v.record(v.string(), count),
        tasks: v.array(TASK),
      }),
    ),
  ),
  waits: part(
    v.array(
      v.object({
        task: TASK,
        state: v.string(),
        kind: v.optional(v.string()),
        lock: v.optional(v.string()),
        owner: v.optional(TASK),
        readers: v.optional(count),
        in: v.optional(v.string()),
      }),
    ),
  ),
  modules: part(v.array(v.object({ name: v.string(), sizeBytes: count, taints: v.optional(v.string()) }))),
  taints: part(v.array(v.string())),
  memory: part(
    v.object({
      pageSizeBytes: count,
      ranges: v.array(
        v.object({
          start: v.string(),
          end: v.string(),
          pages: count,
          cells: v.array(v.object({ pages: count, held: count, uses: USES })),
        }),
      ),
      uses: USES,
      held: USES,
    }),
  ),
  meminfo: part(v.record(v.string(), v.number())),
  log: part(
    v.object({
      lines: v.array(v.object({ seconds: v.optional(v.number()), text: v.string() })),
      earlier: count,
    }),
  ),
  leftOut: v.optional(
    v.object({
      stacks: v.optional(count),
      cpus: v.optional(count),
      waits: v.optional(count),
      modules: v.optional(count),
    }),
  ),
});

/** Undefined for a text that is no autopsy of this format. */
export function parseAutopsy(text: string): Autopsy | undefined {
  try {
    return v.parse(AUTOPSY, JSON.parse(text)) as Autopsy;
  } catch {
    return undefined;
  }
}
