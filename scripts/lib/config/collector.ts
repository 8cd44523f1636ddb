/** `core_collector makedumpfile FLAGS`: the capture options that its flags set. */
import { parseArgs } from 'node:util';
import { CODECS } from '../../../capture/codecs/table.ts';
import { type CaptureOptions, checkOption } from '../../../capture/options/schema.ts';
import type { OptionFacts } from '../cli/help.ts';
import { DUMP_OPTIONS } from '../dump/arguments.ts';
import { ConfigError } from './errors.ts';

/** Flags that hold for every capture, or that have no effect on one. */
const WITHOUT_EFFECT = new Set([
  ...['message-level', 'num-threads', 'block-order', 'cyclic-buffer', 'work-dir', 'non-mmap'],
  ...['show-stats', 'debug', 'force'],
]);

/** makedumpfile has 40. Node's parseArgs takes minutes for some ten thousands. */
const MOST_FLAGS = 100;

/** @throws ConfigError that names the flag. */
export function readCollector(text: string): Partial<CaptureOptions> {
  const [program, ...flags] = text.split(/\s+/);
  if (program?.split('/').at(-1) !== 'makedumpfile')
    throw refuse(text, 'makedumpfile and its flags, for example "makedumpfile -z -d 31"');
  if (flags.length > MOST_FLAGS)
    throw new ConfigError('BAD_COLLECTOR', {
      action: 'use core_collector',
      actual: `it has ${flags.length} flags`,
      wanted: `${MOST_FLAGS} at most`,
    });
  const chosen: { codec?: CaptureOptions['codec']; dumpLevel?: number } = {};
  for (const [name, value] of Object.entries(parseFlags(text, flags))) {
    const codec = CODECS.find(row => row.name === name);
    if (name === 'dump-level') chosen.dumpLevel = checkOption('dumpLevel', String(value).split(',')[0]);
    else if (codec) {
      if (chosen.codec) throw refuse(text, `one of ${CODECS.map(({ option }) => `-${option}`).join(', ')}`);
      chosen.codec = codec.name;
    } else if (!WITHOUT_EFFECT.has(name))
      throw refuse(text, `no --${name}, because a capture writes one kdump-compressed file`);
  }
  return chosen;
}

function parseFlags(text: string, args: string[]): Record<string, unknown> {
  const options = Object.fromEntries(
    Object.entries<OptionFacts>(DUMP_OPTIONS).map(([name, { value, short }]) => [
      name,
      { type: value ? ('string' as const) : ('boolean' as const), ...(short && { short }) },
    ]),
  );
  try {
    return parseArgs({ args, options }).values;
  } catch (error) {
    throw refuse(text, `flags of makedumpfile (${(error as Error).message.split('. ')[0]})`);
  }
}

function refuse(text: string, wanted: string): ConfigError {
  return new ConfigError('BAD_COLLECTOR', {
    action: 'use core_collector',
    actual: `its value is "${text}"`,
    wanted,
  });
}
