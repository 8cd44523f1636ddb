/** A table of ways to damage a vmcore, each kind where it matters. */
import type { Random } from '../../support/random.ts';
import { encodeNumber, oddNumber, TEXTS } from '../mutate/numbers.ts';
import type { Base, Place } from './base.ts';
import type { Mutation } from './mutant-source.ts';

type Mutator = (base: Base, random: Random) => Mutation;

function read({ source }: Base, { offset, lengthBytes }: Place): Uint8Array {
  const bytes = new Uint8Array(lengthBytes);
  return bytes.subarray(0, source.readAt(bytes, offset));
}

function valueAt(base: Base, place: Place): bigint {
  const bytes = new Uint8Array(8);
  bytes.set(read(base, place).subarray(0, 8));
  return new DataView(bytes.buffer).getBigUint64(0, true);
}

/** Another number, a neighbour of the old one, the old one with one bit flipped, or the value of another place. */
function change(base: Base, random: Random, place: Place, others: readonly Place[]): Mutation {
  const old = valueAt(base, place);
  const value = [
    () => oddNumber(random, base.source.sizeBytes),
    () => oddNumber(random, base.source.sizeBytes),
    () => old + BigInt(random.below(9) - 4),
    () => old + 4096n * BigInt(random.below(9) - 4),
    () => old ^ (1n << BigInt(random.below(place.lengthBytes * 8))),
    () => valueAt(base, { ...random.pick(others), lengthBytes: place.lengthBytes }),
  ][random.below(6)]();
  const bytes = encodeNumber(value, place.lengthBytes);
  return { label: `${place.offset} = 0x${value.toString(16)}`, patches: [{ offset: place.offset, bytes }] };
}

/** An aligned word of a place. */
function wordOf(random: Random, { offset, lengthBytes }: Place): Place {
  const size = random.pick([1, 4, 8, 8]);
  const words = Math.max(1, Math.floor(lengthBytes / size));
  return { offset: offset + random.below(words) * size, lengthBytes: size };
}

const headField: Mutator = (base, random) =>
  change(base, random, random.pick(base.headFields), base.headFields);
const noteField: Mutator = (base, random) =>
  change(base, random, random.pick(base.noteFields), base.noteFields);
const structure: Mutator = (base, random) =>
  change(base, random, wordOf(random, random.pick(base.structures)), base.structures);

const vmcoreinfoLine: Mutator = (base, random) => {
  const { offset, lengthBytes, text } = base.vmcoreinfo;
  const lines = text.split('\n');
  const at = random.below(lines.length);
  const [key, value = ''] = lines[at].split('=');
  const wrongValue = () => {
    const wrong = oddNumber(random, base.source.sizeBytes);
    return random.pick([
      wrong.toString(),
      BigInt.asIntN(64, wrong).toString(),
      wrong.toString(16),
      random.pick(TEXTS),
    ]);
  };
  switch (random.below(7)) {
    case 0:
      lines.splice(at, 1);
      break;
    case 1:
      lines.splice(random.below(lines.length), 0, `${key}=${wrongValue()}`);
      break;
    case 2:
      lines[at] = `${random.pick(lines).split('=')[0]}=${value}`;
      break;
    case 3:
      lines[at] = `${key}=${random.pick(lines).split('=')[1] ?? ''}`;
      break;
    default:
      lines[at] = `${key}=${wrongValue()}`;
  }
  const bytes = new Uint8Array(lengthBytes);
  bytes.set(Buffer.from(lines.join('\n'), 'latin1').subarray(0, lengthBytes));
  return { label: `vmcoreinfo ${key}: ${lines[at]?.slice(0, 80)}`, patches: [{ offset, bytes }] };
};

/** A field of a struct page, or of a run of them. */
const structPages: Mutator = (base, random) => {
  if (base.memmaps.length === 0) return structure(base, random);
  const memmap = random.pick(base.memmaps);
  const slots = Math.max(1, Math.floor(memmap.lengthBytes / 64));
  const first = random.below(slots);
  const count = random.chance(0.5) ? 1 : 1 + random.below(Math.min(64, slots - first));
  const word = encodeNumber(oddNumber(random, base.source.sizeBytes), random.pick([4, 8]));
  const at = random.below(64 / word.length) * word.length;
  const patches = Array.from({ length: count }, (_, i) => ({
    offset: memmap.offset + (first + i) * 64 + at,
    bytes: word,
  }));
  return { label: `${count} struct pages from ${patches[0].offset}`, patches };
};

const truncation: Mutator = (base, random) => {
  const { offset, lengthBytes } = random.pick([...base.headFields, ...base.noteFields, ...base.structures]);
  const places = [offset, offset + 1, offset + lengthBytes - 1, random.below(base.source.sizeBytes)];
  const sizeBytes = Math.max(1, random.chance(0.3) ? places[3] - (places[3] % 4096) : random.pick(places));
  return { label: `cut at ${sizeBytes}`, sizeBytes };
};

const badSector: Mutator = (base, random) => {
  const { offset } = random.chance(0.7)
    ? random.pick([...base.structures, ...base.memmaps])
    : { offset: random.below(base.source.sizeBytes) };
  const start = offset - (offset % 512);
  const end = start + random.pick([512, 4096, 65536, 1 << 20]);
  return { label: `EIO from ${start} to ${end}`, bad: { start, end } };
};

const noise: Mutator = (base, random) => {
  const offset = random.below(base.source.sizeBytes);
  return { label: `noise at ${offset}`, patches: [{ offset, bytes: random.bytes(1 + random.below(64)) }] };
};

const MUTATORS: readonly Mutator[] = [
  headField,
  headField,
  noteField,
  vmcoreinfoLine,
  vmcoreinfoLine,
  vmcoreinfoLine,
  structure,
  structure,
  structure,
  structPages,
  structPages,
  truncation,
  badSector,
  noise,
];

/** One to four mutations at once. */
export function mutate(base: Base, random: Random): Mutation[] {
  const count = random.chance(0.5) ? 1 : 2 + random.below(3);
  return Array.from({ length: count }, () => random.pick(MUTATORS)(base, random));
}
