/** Dumps as files: kdump-compressed with each codec, flattened, ELF. `verify` finds the damage, or the pages are the same. */
import { openPageCodecs } from '../../../capture/codecs/decompressors.ts';
import { Failure } from '../../../capture/errors.ts';
import { openFfi } from '../../../capture/ffi/library.ts';
import { rearrange } from '../../../capture/kdump/combine/rearrange.ts';
import { openFlattenedSource } from '../../../capture/kdump/read/flattened-source.ts';
import type { ManifestDump } from '../../../capture/storage/manifest.ts';
import { readUpTo } from '../../../capture/vmcore/elf.ts';
import { judgeDump } from '../../../scripts/lib/verify/judge.ts';
import type { Verdict } from '../../../scripts/lib/verify/report.ts';
import { manifestDump } from '../../support/manifest.ts';
import { MemorySource } from '../../support/vmcore-builder.ts';
import { type Attack, demand, type Kind, type Outcome, refusedOr } from '../kind.ts';
import { mutateBytes } from '../mutate/bytes.ts';
import { SparseFile } from '../sparse-file.ts';
import { MutantSource } from '../vmcore/mutant-source.ts';
import { holds } from '../vmcore/property.ts';
import { missedDamage, type Page, pagesOf, unprotectedPages } from './content.ts';
import { elfDump, flattenedDumps, type KdumpDump, kdumpDumps } from './small-dumps.ts';

export type Judge = typeof judgeDump;

const signal = new AbortController().signal;
const onProgress = () => {};
const codecs = openPageCodecs(openFfi());

/** @param expected what a manifest says of it; undefined to judge it from the file alone. */
export function verdictOf(
  bytes: Buffer,
  expected?: ManifestDump,
  judge: Judge = judgeDump,
): Promise<Verdict> {
  return judge(new MemorySource(bytes), expected, { codecs, signal, onProgress });
}

/** What a verdict of `verify` must not be. @param base the pages of the valid dump. */
export function demandHonest(verdict: Verdict, bytes: Buffer, base: readonly Page[]): Outcome {
  demand(verdict.whole === (verdict.damage.length === 0), 'the verdict contradicts its own findings');
  if (!verdict.whole) return 'noticed';
  const { text, unprotected } = missedDamage(base, bytes);
  demand(text === undefined, `verify says whole, and ${text}`);
  const blind = unprotectedPages(bytes);
  demand(
    blind <= verdict.pagesUnprotected,
    `verify says that ${verdict.pagesUnprotected} pages have no checksum, and ${blind} have none`,
  );
  demand(!unprotected || blind > 0, 'verify says whole, and pages with a checksum differ');
  return 'read';
}

/** @param judge a wrong one, to prove that it is caught. */
export function kdumpKind(name: string, share: number, judge: Judge = judgeDump): Kind {
  return {
    name,
    share,
    open() {
      const bases = kdumpDumps().map(dump => ({ dump, pages: pagesOf(dump.bytes) }));
      return random => {
        const { dump, pages } = random.pick(bases);
        const { labels, bytes } = mutateBytes(dump.bytes, dump.fields, random);
        const readsToo = random.chance(0.15);
        return {
          labels: [`of "${dump.name}"`, ...labels],
          run: () =>
            refusedOr(async () => {
              const outcome = demandHonest(await verdictOf(bytes, undefined, judge), bytes, pages);
              const byManifest = await verdictOf(bytes, expectedOf(dump), judge);
              demand(
                !byManifest.whole || bytes.equals(dump.bytes),
                'whole by the manifest, and its bytes differ',
              );
              if (readsToo) holds(new MutantSource(new MemorySource(bytes), []));
              return outcome;
            }),
        };
      };
    },
  };
}

function expectedOf({ bytes, digest }: KdumpDump): ManifestDump {
  return manifestDump({ bytes: bytes.length, digest });
}

export const flattened: Kind = {
  name: 'flattened',
  share: 10,
  open() {
    const bases = flattenedDumps().map(stream => ({ stream, pages: pagesOf(stream.dump.bytes) }));
    return random => {
      const { stream, pages } = random.pick(bases);
      const { labels, bytes } = mutateBytes(stream.bytes, stream.fields, random);
      const pieceBytes = random.pick([1 << 16, 4096, 1000, 61]);
      return {
        labels: [`of "${stream.name}"`, ...labels],
        run: async () => {
          const file = rearranged(bytes, pieceBytes);
          const seen = attempted(() => openFlattenedSource(new MemorySource(bytes)));
          const outcome = await refusedOr(async () => {
            const verdict = await verdictOf(bytes);
            if (!verdict.whole) return 'noticed';
            demand(file !== undefined, 'verify says whole, and it cannot be rearranged');
            return demandHonest(verdict, file!, pages);
          });
          if (file && seen) demandEqual(file, seen);
          return outcome;
        },
      };
    };
  },
};

/** Rearranging a stream and reading it as it is give the same bytes. */
function demandEqual(file: Buffer, seen: ReturnType<typeof openFlattenedSource>): void {
  demand(seen.isWhole, 'a stream without its end mark was rearranged without an error');
  demand(seen.sizeBytes === file.length, `${file.length} bytes rearranged, ${seen.sizeBytes} seen`);
  const bytes = readUpTo(seen, 0, Math.min(file.length, 1 << 22));
  demand(
    file.subarray(0, bytes.length).equals(bytes),
    'the rearranged file differs from what is seen in the stream',
  );
}

/** Undefined when that was refused. */
function rearranged(bytes: Buffer, pieceBytes: number): Buffer | undefined {
  return attempted(() => {
    const file = new SparseFile();
    const rearranger = rearrange(file);
    let step = rearranger.next();
    for (let at = 0; at < bytes.length && !step.done; at += pieceBytes)
      step = rearranger.next(bytes.subarray(at, at + pieceBytes));
    while (!step.done) step = rearranger.next(undefined);
    return file.isKept ? file.bytes() : undefined;
  });
}

function attempted<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (error instanceof Failure) return undefined;
    throw error;
  }
}

export const elf: Kind = {
  name: 'elf',
  share: 8,
  open() {
    const base = elfDump();
    return (random): Attack => {
      const isCut = random.chance(0.3);
      const length = 1 + random.below(base.bytes.length - 1);
      const { labels, bytes } = isCut
        ? { labels: [`cut at ${length} of ${base.bytes.length}`], bytes: base.bytes.subarray(0, length) }
        : mutateBytes(base.bytes, base.fields, random);
      return {
        labels,
        run: () =>
          refusedOr(async () => {
            const verdict = await verdictOf(bytes);
            if (!verdict.whole) return 'noticed';
            demand(!isCut, 'verify says whole, and the file is cut');
            holds(new MutantSource(new MemorySource(bytes), []));
            return 'read';
          }),
      };
    };
  },
};
