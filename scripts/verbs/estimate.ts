/** `kdumpling estimate`: how much memory to reserve, and how large and long a dump would be. */

import { LAYOUTS } from '../../initrd/layouts.ts';
import { readFacts } from '../lib/arming/facts.ts';
import { hostReservation } from '../lib/arming/host-reservation.ts';
import { type Command, EXIT } from '../lib/cli/command.ts';
import { estimateData, estimateText } from '../lib/estimate/text.ts';
import { openGivenHost, ROOT_OPTION } from '../lib/host/given-root.ts';

const OPTIONS = { json: { help: 'as JSON; see kdumpling-json(5)' }, ...ROOT_OPTION } as const;

export const estimate: Command<typeof OPTIONS> = {
  name: 'kdumpling estimate',
  purpose: 'Says how much memory to reserve, and how large and long a dump would be.',
  options: OPTIONS,
  async run({ json, root }) {
    const host = openGivenHost(root);
    const facts = readFacts(host);
    const layouts = LAYOUTS.map(layout => ({ layout, ...hostReservation(host, facts.settings, layout) }));
    const found = { ...facts, layouts };
    console.log(json ? JSON.stringify(estimateData(found), undefined, 2) : estimateText(found));
    return EXIT.done;
  },
};
