/** Dumps that are dumped again, in each format: `kdumpling dump` ends with 0 only when the new dump has the same pages. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dumpKdump } from '../../../scripts/lib/dump/kdump.ts';
import type { Messages } from '../../../scripts/lib/dump/messages.ts';
import type { DumpRequest } from '../../../scripts/lib/dump/request.ts';
import { demand, type Kind, type Outcome, refusedOr } from '../kind.ts';
import { mutateBytes } from '../mutate/bytes.ts';
import { missedDamage, pagesOf } from './content.ts';
import { flattenedDumps, kdumpDumps } from './small-dumps.ts';

const SILENT: Messages = { say() {}, warn() {}, debug() {}, report() {}, progress() {} };
const signal = new AbortController().signal;

export function requestFor(vmcore: string, out: string): DumpRequest {
  return {
    kind: 'kdump',
    vmcore,
    inputs: [],
    outputs: [out],
    triage: 'no',
    dumpLevel: 0,
    furtherLevels: [],
    sizeLimitBytes: undefined,
    codec: 'zstd',
    flattened: false,
    force: true,
    maps: false,
    dryRun: false,
    threads: 1,
    splitblockBytes: 2 ** 30,
    messages: 0,
  };
}

export const redump: Kind = {
  name: 'redump',
  share: 4,
  open({ folder }) {
    const [input, out] = ['redump-input', 'redump-output'].map(name => join(folder, name)) as [
      string,
      string,
    ];
    const bases = [
      ...kdumpDumps().map(dump => ({ base: dump, pages: pagesOf(dump.bytes) })),
      ...flattenedDumps().map(stream => ({ base: stream, pages: pagesOf(stream.dump.bytes) })),
    ];
    return random => {
      const { base, pages } = random.pick(bases);
      const { labels, bytes } = mutateBytes(base.bytes, base.fields, random);
      return {
        labels: [`of "${base.name}"`, ...labels],
        run: async () => {
          writeFileSync(input, bytes);
          rmSync(out, { force: true });
          return refusedOr(async (): Promise<Outcome> => {
            await dumpKdump(requestFor(input, out), SILENT, signal);
            const { text } = missedDamage(pages, readFileSync(out));
            demand(text === undefined, `the new dump is complete, and ${text}`);
            return 'read';
          });
        },
      };
    };
  },
};
