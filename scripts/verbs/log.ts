/** `kdumpling log`: the kernel log, under crash's name and with its options. */
import { printkRecords } from '../../capture/kernel/printk-ringbuffer.ts';
import { printable } from '../../capture/text.ts';
import { bootTimeMs, type LogTimes, logLines, recordData } from '../lib/autopsy/log.ts';
import { AUTOPSY_OPTIONS, DUMP_ARGUMENT, withAutopsy } from '../lib/autopsy/open.ts';
import { type Command, EXIT, UsageError } from '../lib/cli/command.ts';

const OPTIONS = {
  dates: { short: 'T', help: 'dates (UTC) in place of seconds since the boot' },
  'no-times': { short: 't', help: 'no times' },
  levels: { short: 'm', help: 'the level of each line in front' },
  ...AUTOPSY_OPTIONS,
} as const;

export const log: Command<typeof OPTIONS> = {
  name: 'kdumpling log',
  purpose: "Shows the kernel log in a dump's memory; dmesg shows the log file beside it.",
  positionals: [DUMP_ARGUMENT],
  options: OPTIONS,
  run: given =>
    withAutopsy(given, ({ kernel, header, note }) => {
      const times = timesOf(given);
      const bootMs = times === 'dates' || given.json ? bootTimeMs(kernel) : undefined;
      if (times === 'dates' && bootMs === undefined)
        note('Cannot show dates: vmcoreinfo does not say when the machine crashed.');
      const style = {
        times: bootMs === undefined && times === 'dates' ? 'seconds' : times,
        levels: given.levels,
      };
      const warnings: string[] = [];
      const records = printkRecords(kernel.memory, kernel.vmcoreinfo, warnings);
      if (given.json) {
        const document = {
          booted: bootMs === undefined ? null : new Date(bootMs).toISOString(),
          records: [...records].map(recordData),
        };
        for (const warning of warnings) note(warning);
        console.log(JSON.stringify({ ...header(), ...document }, undefined, 2));
        return EXIT.done;
      }
      for (const record of records)
        for (const line of logLines(record, style, bootMs ?? 0)) console.log(printable(line));
      for (const warning of warnings) note(warning);
      return EXIT.done;
    }),
};

/** @throws UsageError */
function timesOf(given: { readonly dates: boolean; readonly 'no-times': boolean }): LogTimes {
  if (given.dates && given['no-times'])
    throw new UsageError('USAGE', {
      action: 'run kdumpling log',
      actual: 'both --dates and --no-times are given',
      wanted: 'one of them',
    });
  if (given.dates) return 'dates';
  return given['no-times'] ? 'none' : 'seconds';
}
