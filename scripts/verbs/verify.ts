/** `kdumpling verify`: checks that a dump is complete and undamaged. */
import { openPageCodecs } from '../../capture/codecs/decompressors.ts';
import { attempt } from '../../capture/errors.ts';
import { openFfi } from '../../capture/ffi/library.ts';
import { openVmcoreFile } from '../../capture/vmcore/reader.ts';
import { type Command, EXIT } from '../lib/cli/command.ts';
import { openMessages } from '../lib/dump/messages.ts';
import { MESSAGE } from '../lib/dump/request.ts';
import { onlyArgument } from '../lib/dumps/find-dump.ts';
import { openGivenHost, ROOT_OPTION } from '../lib/host/given-root.ts';
import { placeToVerify } from '../lib/verify/dump-place.ts';
import { judgeDump } from '../lib/verify/judge.ts';
import { checkedFile, printVerdict, verdictData } from '../lib/verify/report.ts';

const OPTIONS = {
  json: { help: 'as JSON; see kdumpling-json(5)' },
  'no-manifest': { help: 'ignore the manifest and check every page' },
  ...ROOT_OPTION,
} as const;

export const verify: Command<typeof OPTIONS> = {
  name: 'kdumpling verify',
  purpose: 'Checks that a dump (by default the last one) is complete and undamaged.',
  positionals: ['[ID|DIRECTORY|FILE]'],
  options: OPTIONS,
  async run({ json, 'no-manifest': ignoresManifest, positionals, root }, signal) {
    const given = onlyArgument('kdumpling verify', positionals);
    const messages = openMessages(MESSAGE.progress | MESSAGE.error, true);
    const { path, expected, standsInBecause } = placeToVerify(openGivenHost(root), given, !ignoresManifest);
    // Not mapped: a bad sector of a mapped file would kill the program (SIGBUS).
    const source = openVmcoreFile(path, undefined);
    try {
      const verdict = await judgeDump(source, expected, {
        codecs: openPageCodecs(attempt(openFfi)),
        signal,
        onProgress: messages.progress,
      });
      const checked = checkedFile(verdict, standsInBecause);
      if (json) console.log(JSON.stringify(verdictData(checked), undefined, 2));
      else printVerdict(checked);
      // A whole triage dump does not make up for the dump that is not.
      return verdict.whole && standsInBecause === undefined ? EXIT.done : EXIT.failed;
    } finally {
      source.close();
    }
  },
};
