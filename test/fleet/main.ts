/** `npm run fleet`: the tables of scripts/deploy/fleet.sql, over your reports or over a fleet of the lab's crashes. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { printable } from '../../capture/text.ts';
import { EXIT, runCommand, wholeNumber } from '../../scripts/lib/cli/command.ts';
import { tableLines } from '../../scripts/lib/cli/table.ts';
import { openFleet, type Row } from './query.ts';
import { fleetCrashes, writeFleet } from './sample.ts';

await runCommand({
  name: 'npm run fleet --',
  purpose:
    'Shows the crashes of a fleet: by signature, kernel, week and machine, and what each kernel brought.',
  positionals: ['[GLOB]'],
  options: {
    sample: { value: 'N', default: '12000', help: 'without GLOB: so many reports of the lab’s crashes' },
  },
  async run({ positionals: [given], sample }) {
    const directory = mkdtempSync(join(tmpdir(), 'kdumpling-fleet-'));
    try {
      if (given === undefined)
        writeFleet(directory, fleetCrashes(wholeNumber('sample', sample, 10, 1_000_000)));
      const fleet = await openFleet(given ?? join(directory, '*/*/*.json'));
      for (const rows of fleet.answers) console.log(`${tableOf(rows).join('\n')}\n`);
      fleet.close();
      return EXIT.done;
    } finally {
      rmSync(directory, { recursive: true });
    }
  },
});

function tableOf(rows: readonly Row[]): string[] {
  const cells = rows.map(row => Object.values(row).map(value => printable(String(value ?? '-'))));
  return tableLines([Object.keys(rows[0] ?? {}), ...cells]);
}
