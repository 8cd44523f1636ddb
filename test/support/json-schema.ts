/** Checks a value against a JSON Schema, as much of it as scripts/lib/schema has; it shares no code with what writes the documents. */
import type { Schema } from '../../scripts/lib/schema/schema.ts';

/** What does not fit, each with its place; empty when the value fits. @param seen collects the places of what was there. */
export function misfits(schema: Schema, value: unknown, seen: Set<string>, place = ''): string[] {
  // A shape that documents share counts once, wherever it is.
  const at = schema.title ?? place;
  seen.add(at);
  if (schema.anyOf) {
    const answers = schema.anyOf.map(one => {
      const places = new Set<string>();
      return { places, found: misfits(one, value, places, at) };
    });
    const fitting = answers.find(({ found }) => found.length === 0);
    for (const place of fitting?.places ?? []) seen.add(place);
    return fitting ? [] : answers.map(({ found }) => found).sort((a, b) => a.length - b.length)[0]!;
  }
  const refuse = (wanted: string) => [
    `${at || 'document'} is ${JSON.stringify(value)?.slice(0, 60)}, not ${wanted}`,
  ];
  if ('const' in schema) return value === schema.const ? [] : refuse(String(schema.const));
  if (schema.enum && !schema.enum.includes(value as string)) return refuse(schema.enum.join(' or '));
  if (!TYPES[schema.type!]!(value)) return refuse(schema.type!);
  if (schema.minimum !== undefined && (value as number) < schema.minimum)
    return refuse(`at least ${schema.minimum}`);
  if (schema.format === 'date-time' && !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/.test(value as string))
    return refuse('a time');
  if (schema.type === 'array')
    return (value as unknown[]).flatMap(item => misfits(schema.items!, item, seen, `${at}[]`));
  return schema.type === 'object' ? misfitsOfObject(schema, value as Record<string, unknown>, seen, at) : [];
}

function misfitsOfObject(
  { properties = {}, required = [], additionalProperties: others }: Schema,
  value: Readonly<Record<string, unknown>>,
  seen: Set<string>,
  at: string,
): string[] {
  const missing = required
    .filter(name => !Object.hasOwn(value, name))
    .map(name => `${at}.${name} is missing`);
  const wrong = Object.entries(value).flatMap(([name, member]) => {
    if (Object.hasOwn(properties, name)) return misfits(properties[name]!, member, seen, `${at}.${name}`);
    if (typeof others === 'object') return misfits(others, member, new Set(), `${at}.${name}`);
    return others === true ? [] : [`${at}.${name} is not documented`];
  });
  return [...missing, ...wrong];
}

const TYPES: Readonly<Record<string, (value: unknown) => boolean>> = {
  object: value => typeof value === 'object' && value !== null && !Array.isArray(value),
  array: Array.isArray,
  string: value => typeof value === 'string',
  integer: Number.isInteger,
  number: Number.isFinite,
  boolean: value => typeof value === 'boolean',
  null: value => value === null,
};

/** Every place that a schema names, as `misfits` names them. */
export function placesOf(schema: Schema, place = ''): string[] {
  const at = schema.title ?? place;
  return [
    ...(schema.anyOf ? [] : [at]),
    ...(schema.anyOf ?? []).flatMap(one => placesOf(one, at)),
    ...Object.entries(schema.properties ?? {}).flatMap(([name, one]) => placesOf(one, `${at}.${name}`)),
    ...(schema.items?.properties ? placesOf(schema.items, `${at}[]`) : []),
  ];
}
