/** A table of ways to damage a JSON document: its structure first, then its text. */
import type { Random } from '../../support/random.ts';
import { type MutantText, ODD_TEXTS } from './text.ts';

/** A value that does not fit, as JSON text: what JSON.stringify cannot write is among them. */
const ODD_VALUES: readonly string[] = [
  'null',
  'true',
  'false',
  '0',
  '-0',
  '-1',
  '0.5',
  '1e308',
  '1e999',
  '-1e999',
  '9007199254740993',
  '18446744073709551616',
  '[]',
  '{}',
  '[[]]',
  '[null]',
  '{"":""}',
  '{"__proto__":{"polluted":true}}',
  '{"constructor":{"prototype":{"polluted":true}}}',
  '{"toString":null,"valueOf":null}',
  '{"length":-1}',
  '"\\u0000\\u001b[2J\\u202e"',
  '"\\ud800"',
  '"../../../../etc/shadow"',
  '"1970-01-01T00:00:00Z"',
  '"+275760-09-13T00:00:00.001Z"',
  `"${'x'.repeat(100_000)}"`,
  `[${Array(5000).fill('{}').join(',')}]`,
  `${'['.repeat(20)}${']'.repeat(20)}`,
  `${'['.repeat(40)}${']'.repeat(40)}`,
  `${'['.repeat(20_000)}${']'.repeat(20_000)}`,
  `${'{"a":'.repeat(20_000)}0${'}'.repeat(20_000)}`,
];

const ODD_KEYS = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', '', '\0', 'length', 'then'];

/** Stands in the document for text that is put in after JSON.stringify. */
const MARK = '\u0001odd\u0001';

/** @param base a JSON document. */
export function mutateJson(base: string, random: Random): MutantText {
  const labels: string[] = [];
  let text = base;
  const count = random.chance(0.7) ? 1 : 2;
  for (let i = 0; i < count; i++) {
    const [label, changed] = random.chance(0.8) ? structureOrText(text, random) : changeText(text, random);
    labels.push(label);
    text = changed;
  }
  return { labels, text };
}

type Holder = Record<string, unknown>;

/** A document that an earlier change broke, or nested too deeply for JSON.stringify, is changed as text. */
function structureOrText(text: string, random: Random): readonly [string, string] {
  try {
    return changeStructure({ root: JSON.parse(text) as unknown }, random);
  } catch {
    return changeText(text, random);
  }
}

function changeStructure(root: Holder, random: Random): readonly [string, string] {
  const places = placesIn(root);
  const { holder, key, path } = random.pick(places);
  const odd = random.chance(0.7) ? random.pick(ODD_VALUES) : JSON.stringify(random.pick(ODD_TEXTS));
  const put = (document: Holder) =>
    (JSON.stringify(document.root) ?? 'null').replaceAll(JSON.stringify(MARK), odd);
  switch (random.below(6)) {
    case 0:
      if (Array.isArray(holder)) holder.splice(Number(key), 1);
      else delete holder[key];
      return [`${path} deleted`, put(root)];
    case 1: {
      const name = random.pick(ODD_KEYS);
      // defineProperty: an assignment to __proto__ would set the prototype.
      Object.defineProperty(holder, name, {
        value: MARK,
        enumerable: true,
        configurable: true,
        writable: true,
      });
      return [`"${name}" beside ${path} is ${shown(odd)}`, put(root)];
    }
    case 2: {
      const other = random.pick(places);
      const value = other.holder[other.key];
      if (!contains(value, holder)) holder[key] = value;
      return [`${path} is ${other.path}`, put(root)];
    }
    default:
      holder[key] = MARK;
      return [`${path} is ${shown(odd)}`, put(root)];
  }
}

function changeText(text: string, random: Random): readonly [string, string] {
  const at = random.below(text.length + 1);
  return random.pick([
    () => ['cut', text.slice(0, at)] as const,
    () => ['twice', text + text] as const,
    () => ['a byte order mark', `\ufeff${text}`] as const,
    () => ['empty', ''] as const,
    () => ['NULs', '\0'.repeat(text.length)] as const,
    () => [`odd text at ${at}`, text.slice(0, at) + random.pick(ODD_TEXTS) + text.slice(at)] as const,
    () => {
      const bytes = Buffer.from(text, 'latin1');
      if (bytes.length > 0) bytes[random.below(bytes.length)]! ^= 1 << random.below(8);
      return ['a bit flipped', bytes.toString('latin1')] as const;
    },
  ])();
}

interface Place {
  readonly holder: Holder;
  readonly key: string;
  readonly path: string;
}

/** Every value of the document, as its holder and key. Bounded, since an earlier change may have made it large. */
function placesIn(root: Holder): Place[] {
  const places: Place[] = [];
  let level: Place[] = [{ holder: root, key: 'root', path: 'it' }];
  for (let depth = 0; depth < 12 && level.length > 0 && places.length < 500; depth++) {
    places.push(...level);
    level = level.flatMap(({ holder, key, path }) => {
      const value = holder[key];
      if (typeof value !== 'object' || value === null) return [];
      const keys = Object.keys(value).slice(0, 50);
      return keys.map(name => ({ holder: value as Holder, key: name, path: `${path}.${name}` }));
    });
  }
  return places;
}

function contains(value: unknown, holder: Holder): boolean {
  if (value === holder) return true;
  if (typeof value !== 'object' || value === null) return false;
  return Object.values(value).some(one => contains(one, holder));
}

function shown(text: string): string {
  return text.length > 60 ? `${text.slice(0, 40)}… (${text.length})` : text;
}
