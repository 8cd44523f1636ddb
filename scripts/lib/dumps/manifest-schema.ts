/** The schema of manifest.json, for what another version, another program or a failing disk left under that name. */
import * as v from 'valibot';
import { MANIFEST_FORMAT, type Manifest, type ManifestDump } from '../../../capture/storage/manifest.ts';
import { ManifestDamage } from '../../../capture/storage/read-manifest.ts';
import { printable } from '../../../capture/text.ts';

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0));
const name = v.pipe(v.string(), v.regex(/^[^/\0]+$/, 'a name without slashes'));
const time = v.pipe(
  v.string(),
  v.check(text => !Number.isNaN(Date.parse(text)), 'a time in ISO 8601'),
);

const DUMP: v.GenericSchema<unknown, ManifestDump> = v.looseObject({
  name,
  format: v.literal('kdump-compressed'),
  level: count,
  codec: v.string(),
  codecLevel: v.number(),
  bytes: count,
  pageSizeBytes: count,
  pages: v.looseObject({
    total: count,
    dumped: count,
    zero: count,
    unreadable: count,
    missing: v.optional(count),
    byClass: v.optional(
      v.looseObject({
        kernel: count,
        free: count,
        cache: count,
        privateCache: count,
        user: count,
        hwpoison: count,
        offline: count,
      }),
    ),
  }),
  digest: v.looseObject({
    algorithm: v.picklist(['sha256', 'crc32', 'none']),
    regions: v.array(
      v.looseObject({
        name: v.picklist(['head', 'descriptors', 'data']),
        offset: count,
        sizeBytes: count,
        digest: v.string(),
      }),
    ),
  }),
});

const MANIFEST: v.GenericSchema<unknown, Manifest> = v.looseObject({
  format: v.literal(MANIFEST_FORMAT),
  program: v.optional(v.string(), 'unknown'),
  state: v.picklist(['complete', 'incomplete', 'skipped']),
  failure: v.optional(v.string()),
  stamp: v.looseObject({
    name,
    time,
    clock: v.picklist(['vmcoreinfo', 'capture-kernel']),
    trusted: v.boolean(),
  }),
  kernel: v.optional(
    v.looseObject({
      release: v.optional(v.string()),
      buildId: v.optional(v.string()),
      version: v.optional(v.string()),
      machine: v.optional(v.string()),
      nodename: v.optional(v.string()),
    }),
    {},
  ),
  crash: v.optional(
    v.looseObject({ reason: v.optional(v.string()), uptimeSeconds: v.optional(v.number()) }),
    {},
  ),
  dump: v.optional(DUMP),
  space: v.optional(
    v.looseObject({
      totalBytes: v.optional(count),
      freeBytes: v.optional(count),
      availableBytes: v.optional(count),
      freeInodes: v.optional(count),
      keepFree: v.string(),
      steps: v.array(v.string()),
      predictedBytes: v.optional(v.number()),
      predictionErrorPercent: v.optional(v.number()),
      reserved: v.optional(v.boolean()),
      removed: v.array(v.string()),
    }),
  ),
  triage: v.optional(DUMP),
  autopsy: v.optional(
    v.looseObject({
      state: v.picklist(['saved', 'skipped', 'failed']),
      why: v.optional(v.string()),
      class: v.optional(v.string()),
      culprit: v.optional(v.string()),
    }),
  ),
  files: v.optional(v.array(v.looseObject({ name: v.string(), bytes: count })), []),
  seconds: v.optional(v.record(v.string(), v.number()), {}),
  memory: v.optional(v.looseObject({ totalBytes: count, lowestAvailableBytes: count })),
  cpus: v.optional(v.looseObject({ online: count, threads: v.optional(count) })),
  warnings: v.optional(v.array(v.string()), []),
});

/** @param value any JSON. */
export function checkManifest(value: unknown): Manifest | ManifestDamage {
  const { success, output, issues } = v.safeParse(MANIFEST, value, { abortEarly: true });
  if (success) return output;
  const [issue] = issues;
  const where = v.getDotPath(issue) ?? 'it';
  if (issue.received === 'undefined') return new ManifestDamage(`${where} is missing`);
  return new ManifestDamage(`${where} is ${shortened(named(issue.received))}; expected ${expected(issue)}`);
}

const MOST_CHARS = 60;

function shortened(text: string): string {
  return printable(text.length > MOST_CHARS ? `${text.slice(0, MOST_CHARS)}…` : text);
}

/** What valibot calls a value or a type: a value stands for itself, a text in quotes. */
function named(word: string): string {
  return WORDS[word] ?? word.replace(/^\((.*)\)$/, '$1').replaceAll(' | ', ' or ');
}

const WORDS: Readonly<Record<string, string>> = {
  Array: 'an array',
  Object: 'an object',
  boolean: 'true or false',
  number: 'a number',
  string: 'a text',
  '>=0': '0 or more',
};

function expected({ type, expected: word, message }: v.BaseIssue<unknown>): string {
  if (type === 'check' || type === 'regex') return message;
  if (type === 'safe_integer') return 'a whole number';
  return word === null ? message : named(word);
}
