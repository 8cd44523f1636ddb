/** The document of `verify --json`. */
import { VERDICT_FORMAT } from '../verify/report.ts';
import { count, document, flag, list, object, oneOf, optional, text } from './schema.ts';

export const VERDICT = document('Whether a dump is complete and undamaged.', VERDICT_FORMAT, {
  path: text('The file.'),
  whole: flag('It is. Otherwise the exit code is 1.'),
  state: oneOf(
    '`contradictory`: the pages are intact, but the header disagrees with VMCOREINFO.',
    'whole',
    'incomplete',
    'contradictory',
    'damaged',
  ),
  by: oneOf('What it was judged by: the digests in the manifest, or the file alone.', 'manifest', 'file'),
  bytes: count('The length of the file.'),
  diskBytes: count('What it takes on disk: less than its length where it has holes.'),
  standsInBecause: optional(
    text('Why the triage dump was checked: the dump is missing or incomplete. The exit code is then 1.'),
  ),
  pages: count('Pages that were checked one by one; 0 where the digests were enough.'),
  pagesUnprotected: count('Those of them without a checksum.'),
  damage: list(
    'What is wrong with it. Empty where it is whole.',
    object('A fault.', {
      kind: oneOf('What kind of fault.', 'damage', 'incomplete', 'contradiction'),
      region: oneOf('Where.', 'head', 'descriptors', 'data', 'file'),
      text: text('What was found.'),
      pfns: optional(
        object('The pages, from the first to the last that are affected.', {
          start: count('The first page frame.'),
          end: count('One past the last page frame.'),
        }),
      ),
      pages: optional(count('How many pages are affected.')),
    }),
  ),
});
