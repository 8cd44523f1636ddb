/** Split sets: parts that are damaged, missing, doubled, or of another dump. What is joined without a complaint is the dump. */
import { openPageCodecs } from '../../../capture/codecs/decompressors.ts';
import { openFfi } from '../../../capture/ffi/library.ts';
import { reassembleSteps } from '../../../capture/kdump/combine/reassemble.ts';
import { type KdumpFile, openKdumpFile } from '../../../capture/kdump/read/file.ts';
import { finish } from '../../../capture/kdump/steps.ts';
import { inputDamage } from '../../../scripts/lib/dump/input-damage.ts';
import type { Random } from '../../support/random.ts';
import { MemorySource } from '../../support/vmcore-builder.ts';
import { demand, type Kind, refusedOr } from '../kind.ts';
import { mutateBytes } from '../mutate/bytes.ts';
import { SparseFile } from '../sparse-file.ts';
import { missedDamage, pagesOf } from './content.ts';
import { type SplitSet, splitSets } from './small-dumps.ts';

interface Parts {
  readonly labels: readonly string[];
  readonly parts: readonly Buffer[];
}

type Mutator = (set: SplitSet, sets: readonly SplitSet[], random: Random) => Parts;

const damagePart: Mutator = ({ parts }, _, random) => {
  const at = random.below(parts.length);
  const { labels, bytes } = mutateBytes(parts[at]!.bytes, parts[at]!.fields, random);
  return {
    labels: [`part ${at}`, ...labels],
    parts: parts.map((part, i) => (i === at ? bytes : part.bytes)),
  };
};

const leaveOut: Mutator = ({ parts }, _, random) => {
  const at = random.below(parts.length);
  return { labels: [`part ${at} left out`], parts: parts.map(({ bytes }) => bytes).toSpliced(at, 1) };
};

const double: Mutator = ({ parts }, _, random) => {
  const [from, to] = [random.below(parts.length), random.below(parts.length)];
  return {
    labels: [`part ${from} in place of ${to}`],
    parts: parts.map(({ bytes }, i) => (i === to ? parts[from]!.bytes : bytes)),
  };
};

const ofAnother: Mutator = ({ parts }, sets, random) => {
  const at = random.below(parts.length);
  const other = random.pick(sets);
  const piece = random.pick([...other.parts.map(({ bytes }) => bytes), other.dump.bytes]);
  return {
    labels: [`part ${at} of "${other.name}"`],
    parts: parts.map(({ bytes }, i) => (i === at ? piece : bytes)),
  };
};

const MUTATORS: readonly Mutator[] = [
  damagePart,
  damagePart,
  damagePart,
  damagePart,
  leaveOut,
  double,
  ofAnother,
];

const codecs = openPageCodecs(openFfi());
const isDamaged = (files: readonly KdumpFile[]) => files.some(file => inputDamage(file, codecs).count > 0);

export const split: Kind = {
  name: 'split',
  share: 8,
  open() {
    const sets = splitSets().map(set => ({ set, pages: pagesOf(set.dump.bytes) }));
    return random => {
      const { set, pages } = random.pick(sets);
      const { labels, parts } = random.pick(MUTATORS)(
        set,
        sets.map(one => one.set),
        random,
      );
      return {
        labels: [`of "${set.name}"`, ...labels],
        run: () =>
          refusedOr(() => {
            const file = new SparseFile();
            const files = parts.map(bytes => openKdumpFile(new MemorySource(bytes)));
            const { isIncomplete } = finish(
              reassembleSteps(files, file, { codecs, isInputDamaged: isDamaged(files) }),
            );
            if (isIncomplete) return 'noticed';
            const { text } = missedDamage(pages, file.bytes());
            demand(text === undefined, `they were joined to a complete dump, and ${text}`);
            return 'read';
          }),
      };
    };
  },
};
