/** `kdumpling verify`: checks that a dump is complete and undamaged. */
import { openPageCodecs } from '../../capture/codecs/decompressors.ts';
import { attempt, counted } from '../../capture/errors.ts';
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
  json: { help: 'print JSON' },
  'no-manifest': { help: 'ignore the manifest and check every page' },
} as const;

export const verify: Command<typeof OPTIONS> = {
  name: 'kdumpling verify',
  purpose: 'Checks that a dump is complete and undamaged.',
  positionals: ['ID|DIRECTORY|VMCORE'],
  options: OPTIONS,
  async run({ json, 'no-manifest': ignoresManifest, positionals }, signal) {
    if (positionals.length !== 1) {
      throw new UsageError('USAGE', {
        action: 'run kdumpling verify',
        actual: `it has ${counted(positionals.length, 'argument')}`,
        wanted: 'one dump: its ID, directory or vmcore',
      });
    }
    const messages = openMessages(MESSAGE.progress | MESSAGE.error, true);
    const { path, expected } = findDump(pathOfDump(openHost(), positionals[0]), !ignoresManifest);
    // Not mapped: a bad sector of a mapped file would kill the program (SIGBUS).
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
