/** JSON Schema (draft 2020-12) as data, as much of it as the documents of `--json` need, and short ways to write it. */

export type TypeName = 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean' | 'null';

export interface Schema {
  /** Names a shape that several documents share; the manual describes it once. */
  readonly title?: string;
  readonly description?: string;
  readonly type?: TypeName;
  readonly const?: number | null;
  readonly enum?: readonly string[];
  readonly format?: 'date-time';
  readonly minimum?: number;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  /** Of properties that are not named: none, any, or each of this shape. */
  readonly additionalProperties?: false | true | Schema;
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
}

/** A property that may be missing. */
export interface Optional {
  readonly optional: Schema;
}

export const optional = (schema: Schema): Optional => ({ optional: schema });

export const text = (description: string): Schema => ({ type: 'string', description });
export const time = (description: string): Schema => ({ type: 'string', format: 'date-time', description });
export const flag = (description: string): Schema => ({ type: 'boolean', description });
export const count = (description: string): Schema => ({ type: 'integer', minimum: 0, description });
export const number = (description: string): Schema => ({ type: 'number', description });
export const oneOf = (description: string, ...words: readonly string[]): Schema => ({
  type: 'string',
  enum: words,
  description,
});
export const list = (description: string, items: Schema): Schema => ({ type: 'array', items, description });
export const texts = (description: string): Schema => list(description, { type: 'string' });
/** An object whose keys are data. */
export const mapOf = (description: string, values: Schema): Schema => ({
  type: 'object',
  additionalProperties: values,
  description,
});
/** The value, or null where there is none. */
export const orNull = (schema: Schema): Schema => ({
  anyOf: [schema, { type: 'null' }],
  description: schema.description,
});

export function object(
  description: string,
  properties: Readonly<Record<string, Schema | Optional>>,
  { title }: { title?: string } = {},
): Schema {
  const entries = Object.entries(properties);
  return {
    ...(title !== undefined && { title }),
    description,
    type: 'object',
    properties: Object.fromEntries(
      entries.map(([name, property]) => [name, 'optional' in property ? property.optional : property]),
    ),
    required: entries.filter(([, property]) => !('optional' in property)).map(([name]) => name),
    additionalProperties: false,
  };
}

/** A document of one verb; every one says its format first. */
export function document(
  description: string,
  format: number,
  properties: Readonly<Record<string, Schema | Optional>>,
): Schema {
  return object(description, {
    format: {
      const: format,
      description: 'The format of this document.',
    },
    ...properties,
  });
}
