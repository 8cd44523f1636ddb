/** What the documents of the autopsy share: `ps --json` and the verbs beside it. */
import { AUTOPSY_FORMAT } from '../autopsy/open.ts';
import { document, type Optional, orNull, type Schema, text, texts } from './schema.ts';

/** Addresses do not fit the numbers of JSON. */
export const address = (description: string): Schema => text(`${description} In hexadecimal, without 0x.`);

export function autopsyDocument(
  description: string,
  properties: Readonly<Record<string, Schema | Optional>>,
): Schema {
  return document(description, AUTOPSY_FORMAT, {
    dump: text('The ID of the dump, or the name of its file.'),
    release: orNull(text('The release of the crashed kernel; null where the dump does not have it.')),
    missing: texts('What the dump lacks and what that costs, a sentence each.'),
    ...properties,
  });
}
