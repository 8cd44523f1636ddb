/** manifest.json, which a capture writes beside each dump and `info --json` prints as it is. */
import { MANIFEST_FORMAT } from '../../../capture/storage/manifest.ts';
import {
  count,
  document,
  flag,
  list,
  mapOf,
  number,
  object,
  oneOf,
  optional,
  type Schema,
  text,
  texts,
  time,
} from './schema.ts';

const STAMP = object('When it crashed.', {
  name: text('The name of the dump directory.'),
  time: time('As good as the clock; see `trusted`.'),
  clock: oneOf('Whose clock it is.', 'vmcoreinfo', 'capture-kernel'),
  trusted: flag('False for a clock that was never set.'),
});

export const KERNEL = object('The crashed kernel.', {
  release: optional(text('As uname -r.')),
  version: optional(text('As uname -v.')),
  machine: optional(text('As uname -m.')),
  nodename: optional(text('As uname -n.')),
  buildId: optional(text('The build id of its vmlinux.')),
});

const PAGES = object('Pages of 4096 bytes, or of `pageSizeBytes`.', {
  total: count('In the memory of the crashed kernel.'),
  dumped: count('In the dump.'),
  zero: count('Left out because they hold zeros.'),
  unreadable: count('That could not be read; the dump holds zeros for them.'),
  missing: optional(count('For which an incomplete dump had no room.')),
  byClass: optional(
    object('What all pages were used for.', {
      kernel: count('The kernel, and what is not known.'),
      free: count('Free.'),
      cache: count('Page cache.'),
      privateCache: count('Page cache with private data.'),
      user: count('Processes.'),
      hwpoison: count('Broken memory, never read.'),
      offline: count('Offline, never read.'),
    }),
  ),
});

const DIGEST = object('What `kdumpling verify` compares.', {
  algorithm: oneOf('How.', 'sha256', 'crc32', 'none'),
  regions: list(
    'They adjoin from the start of the file to its end.',
    object('One region.', {
      name: oneOf('What it holds.', 'head', 'descriptors', 'data'),
      offset: count('In bytes.'),
      sizeBytes: count('Its length.'),
      digest: text('Hexadecimal; empty for `none`.'),
    }),
  ),
});

function dumpOf(doc: string): Schema {
  return object(doc, {
    name: text('The name of its file.'),
    format: oneOf('Its format.', 'kdump-compressed'),
    level: count('The dump level.'),
    codec: text('How pages are compressed.'),
    codecLevel: number('The level of the codec.'),
    bytes: count('Its length.'),
    pageSizeBytes: count('The size of a page.'),
    pages: PAGES,
    digest: DIGEST,
  });
}

export const MANIFEST: Schema = {
  ...document(
    '`manifest.json` of the dump directory, as the capture wrote it. Other versions may add members.',
    MANIFEST_FORMAT,
    {
      program: text('The program and its version.'),
      state: oneOf('`skipped`: no dump was to be made.', 'complete', 'incomplete', 'skipped'),
      failure: optional(text('Why it is not complete.')),
      stamp: STAMP,
      kernel: KERNEL,
      crash: object('The crash.', {
        reason: optional(text('The panic line.')),
        uptimeSeconds: optional(number('How long the kernel had run.')),
      }),
      dump: optional(dumpOf('The dump, or the incomplete one.')),
      triage: optional(dumpOf('The small dump that was made before it, `vmcore-triage`.')),
      space: optional(
        object('The room on the target.', {
          totalBytes: optional(count('Of the file system.')),
          freeBytes: optional(count('Before the dump.')),
          availableBytes: optional(count('Before the dump, without blocks reserved for root.')),
          freeInodes: optional(count('Before the dump.')),
          keepFree: text('What was to stay free.'),
          steps: texts('What was tried to make it fit, in order.'),
          predictedBytes: optional(count('The predicted length of the dump.')),
          predictionErrorPercent: optional(number('How wrong that was.')),
          reserved: optional(flag('All blocks were allocated before the first write.')),
          removed: texts('The dumps that were removed for this one, or after it.'),
        }),
      ),
      autopsy: optional(
        object('The stacks and tasks that are read before or while the dump is made.', {
          state: oneOf('`saved`: in `autopsy.txt` and `autopsy.json`.', 'saved', 'skipped', 'failed'),
          why: optional(text('Why they are not saved.')),
          class: optional(text('The class of the crash by its stack.')),
          culprit: optional(text('The function to look at first.')),
        }),
      ),
      files: list(
        'The files in the directory.',
        object('A file.', { name: text('Its name.'), bytes: count('Its length.') }),
      ),
      seconds: mapOf('How long each phase took, in seconds.', { type: 'number' }),
      memory: optional(
        object('The memory of the capture kernel.', {
          totalBytes: count('All of it.'),
          lowestAvailableBytes: count('The least that was available at any time.'),
        }),
      ),
      cpus: optional(
        object('The CPUs of the capture kernel.', {
          online: count('How many there were.'),
          threads: optional(count('How many threads compressed the dump; absent where none was made.')),
        }),
      ),
      warnings: texts('What went wrong without ending the capture.'),
    },
  ),
  title: 'manifest',
};
