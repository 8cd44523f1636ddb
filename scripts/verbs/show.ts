/** `kdumpling show`, also `status`: whether a crash would be captured now, and what was captured before. */
import { type Command, EXIT } from '../lib/cli/command.ts';
import { requireRoot } from '../lib/cli/root.ts';
import { openGivenHost, ROOT_OPTION } from '../lib/host/given-root.ts';
import { readState } from '../lib/status/state.ts';
import { stateData, stateText } from '../lib/status/text.ts';

const OPTIONS = {
  json: { help: 'as JSON; see kdumpling-json(5)' },
  verbose: {
    short: 'v',
    help: 'also show the crash kernel’s command line, and why words were left out or added',
  },
  ...ROOT_OPTION,
} as const;

export const show: Command<typeof OPTIONS> = {
  name: 'kdumpling show',
  purpose: 'Shows whether a crash would be captured, and what was captured before.',
  options: OPTIONS,
  async run({ json, verbose, root }) {
    requireRoot('show whether a crash would be captured');
    const state = readState(openGivenHost(root));
    console.log(json ? JSON.stringify(stateData(state), undefined, 2) : stateText(state, { verbose }));
    return state.armed ? EXIT.done : EXIT.notOperational;
  },
};
