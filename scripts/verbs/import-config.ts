/** `kdumpling import-config`: makes a kdump.conf of the configuration of kdump-tools, kdump-utils or SUSE's kdump. */
import { type Command, EXIT } from '../lib/cli/command.ts';
import { requireRoot } from '../lib/cli/root.ts';
import { CONFIG_PATH, settingsOf } from '../lib/config/config.ts';
import { importConfig } from '../lib/config/import/import.ts';
import { configText, importText } from '../lib/config/import/text.ts';
import { writeImport } from '../lib/config/import/write.ts';
import { openGivenHost, ROOT_OPTION } from '../lib/host/given-root.ts';

const OPTIONS = {
  'dry-run': { short: 'n', help: `print the new ${CONFIG_PATH} and write nothing` },
  ...ROOT_OPTION,
} as const;

export const importConfigVerb: Command<typeof OPTIONS> = {
  name: 'kdumpling import-config',
  purpose: 'Takes over the settings of kdump-tools, kdump-utils or SUSE’s kdump.',
  options: OPTIONS,
  async run({ 'dry-run': dryRun, root }) {
    const host = openGivenHost(root);
    const found = importConfig(host);
    settingsOf(found.lines.join('\n'), `the settings of ${found.program}`);
    console.log(importText(found));
    if (dryRun) {
      console.log(`\n${configText(found)}`.trimEnd());
      return EXIT.done;
    }
    requireRoot(`write ${CONFIG_PATH}`);
    const kept = writeImport(host, found);
    if (kept) console.log(`${kept}: the file of ${found.program}, as it was`);
    console.log(`${CONFIG_PATH}: written. The next \`kdumpling load\` uses it`);
    return EXIT.done;
  },
};
