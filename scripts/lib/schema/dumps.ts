/** The documents of `list --json` and `info --json`, and the shapes of a dump that others share. */
import { INFO_FORMAT, LIST_FORMAT } from '../dumps/list-text.ts';
import { MANIFEST } from './manifest.ts';
import { count, document, list, object, oneOf, optional, orNull, text, time } from './schema.ts';

export const FILE = object('A regular file.', {
  name: text('Its name.'),
  bytes: count('Its length.'),
  diskBytes: count('What it takes on disk: less than its length where it has holes.'),
});

const TIME_BY = oneOf(
  'How `time` is known: by a clock that was set, by one that was not, or by when the dump’s file was written.',
  'clock',
  'unset clock',
  'file',
);

const DUMP_MEMBERS = {
  id: text('Names the dump to every verb: the name of its directory.'),
  directory: text('Where it is.'),
  state: oneOf(
    'By names and headers alone; `kdumpling verify` reads all of it.',
    'complete',
    'incomplete',
    'missing',
    'damaged',
  ),
  why: optional(text('Why it has this state.')),
  time: time('When the machine crashed.'),
  timeBy: TIME_BY,
  madeBy: text(
    'The program that captured it: `kdumpling`, `kdump-tools`, `kdump-utils`, `SUSE kdump` or `another program`.',
  ),
  bytes: count('The length of all its files.'),
  diskBytes: count('What they take on disk: less than their length where they have holes.'),
  reason: optional(text('The panic line.')),
  autopsy: optional(
    oneOf(
      'Whether the stacks are in `autopsy.json` beside it; see the manifest.',
      'saved',
      'skipped',
      'failed',
    ),
  ),
  kernel: optional(text('The release of the crashed kernel.')),
};

export const DUMP = object('One dump.', DUMP_MEMBERS, { title: 'dump' });

export const IGNORED = object(
  'What looks like a dump and is not used.',
  { id: text('Its name.'), directory: text('Where it is.'), why: text('Why it is not used.') },
  { title: 'ignored' },
);

export const LIST = document('The dumps of this machine.', LIST_FORMAT, {
  dumps: list(
    'Those that were asked for, newest last unless `--reverse` is given. Empty where there are none.',
    DUMP,
  ),
  ignored: list('What looks like a dump and is not used.', IGNORED),
});

export const INFO = document('One dump.', INFO_FORMAT, {
  dump: orNull(
    object('The dump, or null where there is none.', {
      ...DUMP_MEMBERS,
      files: list('The regular files in its directory.', FILE),
      dumpFile: optional(text('The name of the dump itself; absent where there is only a log.')),
      standsInBecause: optional(
        text(
          'Why `dumpFile` is the triage dump; absent where it is the dump. `verify`, `debug` and `upload` take it.',
        ),
      ),
      logFile: optional(text('The name of the kernel log.')),
      manifestDamage: optional(text('Why its `manifest.json` cannot be used.')),
      manifest: optional(MANIFEST),
    }),
  ),
});
