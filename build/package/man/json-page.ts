/** kdumpling-json(5): what each verb prints with --json, from the schemas that the package carries. */
import { DOCUMENTS, FILE_DOCUMENTS } from '../../../scripts/lib/schema/documents.ts';
import type { Schema } from '../../../scripts/lib/schema/schema.ts';
import type { Block, Definition, Page } from './roff.ts';

/** Where the package has them as JSON Schema. */
export const SCHEMA_FOLDER = '/usr/share/kdumpling/schema';

export const JSON_PAGE: Page = {
  name: 'kdumpling-json',
  section: 5,
  manual: 'File Formats',
  summary: 'what kdumpling prints with --json',
  sections: [
    {
      title: 'Description',
      blocks: [
        `With \`--json\`, a verb prints one JSON document on standard output, also where it has found nothing. Its \`format\` is raised when a member is removed or changes its meaning; readers must ignore members that they do not know. Messages go to standard error; a verb that fails prints no document. \`${SCHEMA_FOLDER}\` has these descriptions as JSON Schema.`,
        'A member that is marked as optional is absent where it has no value. Times are in ISO 8601, sizes in bytes.',
      ],
    },
    ...Object.entries(DOCUMENTS).map(([verb, schema]) => ({
      title: `kdumpling ${verb} --json`,
      blocks: documentBlocks(schema),
    })),
    ...Object.entries(FILE_DOCUMENTS).map(([file, schema]) => ({
      title: file,
      blocks: documentBlocks(schema),
    })),
    {
      title: 'Shapes',
      blocks: [...sharedShapes()].flatMap(([title, schema]): Block[] => [
        { subsection: title },
        schema.description!,
        { definitions: members(schema) },
      ]),
    },
    { title: 'See also', blocks: ['kdumpling(8), kdumpling-capture(7), jq(1)'] },
  ],
};

function documentBlocks(schema: Schema): Block[] {
  const alternatives = schema.anyOf ?? [];
  if (alternatives.length === 0) return [schema.description!, { definitions: members(schema) }];
  return [
    schema.description!,
    ...alternatives.flatMap((one): Block[] => [
      `${one.description!} Members:`,
      { definitions: members(one) },
    ]),
  ];
}

function members({ properties = {}, required = [] }: Schema): Definition[] {
  return Object.entries(properties).map(([name, schema]) => {
    const words = [typeOf(schema), ...(required.includes(name) ? [] : ['optional'])];
    const shape = shapeOf(schema);
    return {
      term: `\`${name}\` (${words.join(', ')})`,
      text: [schema.description ?? ''],
      ...(shape && shape.title === undefined && { nested: members(shape) }),
    };
  });
}

/** The object that a member is, or that the items of a list are. */
function shapeOf({ items, anyOf, ...schema }: Schema): Schema | undefined {
  const inner = items ?? anyOf?.find(({ type }) => type === 'object');
  if (inner) return shapeOf(inner);
  return schema.properties ? schema : undefined;
}

function typeOf({
  type,
  title,
  items,
  anyOf,
  enum: words,
  const: constant,
  additionalProperties,
}: Schema): string {
  if (constant !== undefined) return String(constant);
  if (anyOf) return anyOf.map(typeOf).join(' or ');
  if (words) return words.map(word => `\`${word}\``).join(' or ');
  if (type === 'array') return items?.title ? `list of ${items.title}` : `list of ${plural(typeOf(items!))}`;
  if (typeof additionalProperties === 'object') return `object of ${plural(typeOf(additionalProperties))}`;
  return title ?? type!;
}

function plural(noun: string): string {
  return `${noun}s`;
}

/** Those that documents share, in the order they are met. */
function sharedShapes(): Map<string, Schema> {
  const shapes = new Map<string, Schema>();
  const visit = (schema: Schema): void => {
    if (schema.title !== undefined) shapes.set(schema.title, schema);
    const inner = [
      ...Object.values(schema.properties ?? {}),
      ...(schema.anyOf ?? []),
      ...(schema.items ? [schema.items] : []),
    ];
    for (const one of inner) visit(one);
  };
  for (const schema of Object.values({ ...DOCUMENTS, ...FILE_DOCUMENTS })) visit(schema);
  return shapes;
}
