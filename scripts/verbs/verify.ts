/** `kdumpling verify`: whether a dump is what was written, end to end. */
import { openPageCodecs } from '../../capture/codecs/decompressors.ts';
import { attempt } from '../../capture/errors.ts';
import { openFfi } from '../../capture/ffi/library.ts';
import { openVmcoreFile } from '../../capture/vmcore/reader.ts';
import { type Command, EXIT, UsageError } from '../lib/cli/command.ts';
import { openMessages } from '../lib/dump/messages.ts';
import { MESSAGE } from '../lib/dump/request.ts';
import { openHost } from '../lib/host/host.ts';
import { findDump, pathOfDump } from '../lib/verify/dump-place.ts';
import { judgeDump } from '../lib/verify/judge.ts';
import { printVerdict } from '../lib/verify/report.ts';

const OPTIONS = {
  json: { help: 'say it as JSON' },
  'no-manifest': { help: 'judge by the file alone: look into every page' },
} as const;

export const verify: Command<typeof OPTIONS> = {
  name: 'kdumpling verify',
  purpose: 'Checks that a dump is whole, and says what of it is damaged.',
  positionals: ['ID|DIRECTORY|VMCORE'],
  options: OPTIONS,
  async run({ json, 'no-manifest': ignoresManifest, positionals }, signal) {
    if (positionals.length !== 1) {
      throw new UsageError('USAGE', {
        action: 'run kdumpling verify',
        actual: `${positionals.length} arguments`,
        wanted: 'one dump, by its ID, directory or vmcore',
      });
    }
    const messages = openMessages(MESSAGE.progress | MESSAGE.error, true);
    const { path, expected } = findDump(pathOfDump(openHost(), positionals[0]), !ignoresManifest);
    // Not mapped: a bad sector of a mapped file would kill the program instead of being named.
    const source = openVmcoreFile(path, undefined);
    try {
      const verdict = await judgeDump(source, expected, {
        codecs: openPageCodecs(attempt(openFfi)),
        signal,
        onProgress: messages.progress,
      });
      if (json) console.log(JSON.stringify(verdict, undefined, 2));
      else printVerdict(verdict);
      return verdict.whole ? EXIT.done : EXIT.failed;
    } finally {
      source.close();
    }
  },
};
