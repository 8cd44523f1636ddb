/** Reads the flags of `kdumpling dump`, which are makedumpfile's (makedumpfile(8)), into a DumpRequest. */

import { CODEC_NAMES, CODECS, type CodecName } from '../../../capture/codecs/table.ts';
import { counted } from '../../../capture/errors.ts';
import { MAX_DUMP_LEVEL, parseDumpLevel } from '../../../capture/filter/dump-level.ts';
import { SPLITBLOCK_BYTES } from '../../../capture/kdump/combine/split.ts';
import { TRIAGE_CODEC } from '../../../capture/triage/codec.ts';
import { badValue, type Given, UsageError, wholeNumber } from '../cli/command.ts';
import type { OptionFacts } from '../cli/help.ts';
import { STANDARD_INPUT } from './input-file.ts';
import { REFUSED } from './refused.ts';
import { type DumpRequest, MESSAGE } from './request.ts';
import { readSizeLimit } from './size-limit.ts';

type CodecOptions = {
  readonly [Row in (typeof CODECS)[number] as Row['name']]: {
    readonly short: Row['option'];
    readonly help: string;
  };
};

const CODEC_OPTIONS = Object.fromEntries(
  CODECS.map(({ name, option }) => [name, { short: option, help: `compress with ${name}` }]),
) as CodecOptions;

export const DUMP_OPTIONS = {
  'dump-level': {
    short: 'd',
    value: 'N',
    help: `pages to leave out, 0 to ${MAX_DUMP_LEVEL}; in a list like 11,31, further levels are tried if the dump does not fit`,
  },
  'size-limit': {
    short: 'L',
    value: 'SIZE',
    help: 'make OUT no larger, as an incomplete dump (bytes, or k, m, g, t)',
  },
  triage: {
    help: 'keep only what crash and drgn need for log, tasks, stacks and modules; implies -d 31, and -z unless another codec is given',
  },
  'triage-tables': {
    help: 'as --triage, with the tables that stand in for debug symbols, which kdumpling bt, ps … need',
  },
  ...CODEC_OPTIONS,
  elf: { short: 'E', help: 'write an ELF core, which is not compressed' },
  flattened: { short: 'F', help: 'write the flattened format to standard output, for a pipe; no OUT' },
  rearrange: { short: 'R', help: 'turn a flattened dump on standard input into OUT; no VMCORE' },
  split: { help: 'divide the dump by page number: VMCORE OUT OUT…' },
  'splitblock-size': { value: 'KB', help: 'size of the blocks that --split distributes (1048576)' },
  reassemble: { help: 'join the files of a split dump: PART PART… OUT' },
  force: { short: 'f', help: 'overwrite OUT' },
  'dump-dmesg': { help: 'write the kernel log to OUT instead of a dump' },
  'num-threads': { value: 'N', help: 'threads that compress, at most one per CPU (chosen by the work)' },
  'message-level': { value: 'N', help: 'sum of 1 progress, 2 messages, 4 errors, 8 debug, 16 report (7)' },
  'show-stats': { help: 'the same as 16 in --message-level' },
  debug: { short: 'D', help: 'the same as 8 in --message-level' },
  'non-mmap': { help: 'read VMCORE without mapping it' },
  'check-params': { help: 'check the flags and exit' },
  'dry-run': { help: 'do everything except writing' },
  version: { short: 'v', help: 'print the version' },
  'block-order': { short: 'b', value: 'N', help: 'no effect: buffers are sized automatically' },
  'cyclic-buffer': { value: 'KB', help: 'no effect: memory use is always bounded' },
  'work-dir': { value: 'DIR', help: 'no effect: there are no temporary files' },
  ...REFUSED,
} as const;

type GivenFlags = Given<typeof DUMP_OPTIONS>;

/** @throws UsageError that names the flag. */
export function readRequest(given: GivenFlags): DumpRequest {
  for (const name of Object.keys(REFUSED) as (keyof typeof REFUSED)[]) {
    if (given[name] === undefined) continue;
    const flag = REFUSED[name].flag;
    throw new UsageError('FLAG_REFUSED', { action: `use ${flag}`, actual: REFUSED[name].why });
  }
  refuseContradictions(given);
  for (const name of ['block-order', 'cyclic-buffer'] as const) {
    if (given[name] !== undefined) wholeNumber(name, given[name], 0, 2 ** 31);
  }
  const kind = kindOf(given);
  const flattened = given.flattened ?? false;
  const triage = given['triage-tables'] ? 'tables' : given.triage ? 'debugger' : 'no';
  const [dumpLevel, ...furtherLevels] = readDumpLevels(
    given['dump-level'] ?? (triage === 'no' ? '0' : `${MAX_DUMP_LEVEL}`),
  );
  return {
    ...readFiles(given),
    kind: given['check-params'] ? 'nothing' : kind,
    triage,
    dumpLevel,
    furtherLevels,
    sizeLimitBytes: readSizeLimit(given['size-limit']),
    codec: readCodec(given, triage === 'no' ? 'none' : TRIAGE_CODEC.name),
    flattened,
    force: given.force ?? false,
    maps: !given['non-mmap'],
    dryRun: given['dry-run'] ?? false,
    threads:
      given['num-threads'] === undefined
        ? undefined
        : wholeNumber('num-threads', given['num-threads'], 0, 1024),
    splitblockBytes: readSplitblock(given['splitblock-size']),
    messages: readMessageLevel(given),
  };
}

function kindOf(given: GivenFlags): DumpRequest['kind'] {
  if (given.version) return 'version';
  if (given.rearrange) return 'rearrange';
  if (given.reassemble) return 'reassemble';
  if (given.split) return 'split';
  if (given['dump-dmesg']) return 'dmesg';
  return given.elf ? 'elf' : 'kdump';
}

/** Flags that only apply to a dump that is made from a vmcore. */
const FLAGS_OF_A_NEW_DUMP = [
  'split',
  'dump-dmesg',
  'elf',
  'dry-run',
  'flattened',
  'dump-level',
  'size-limit',
  'triage',
  'triage-tables',
  ...CODEC_NAMES,
] as const;

/** The first flag of each row excludes each of the others. */
const CONTRADICTIONS: readonly (readonly [keyof GivenFlags, ...(keyof GivenFlags)[]])[] = [
  ['dump-dmesg', 'dry-run', 'flattened', 'split'],
  ['elf', ...CODEC_NAMES, 'num-threads'],
  ['split', 'elf', 'flattened', 'num-threads', 'dry-run'],
  ['triage', 'elf', 'split', 'size-limit', 'dump-dmesg'],
  ['triage-tables', 'elf', 'split', 'size-limit', 'dump-dmesg'],
  ['rearrange', 'reassemble', ...FLAGS_OF_A_NEW_DUMP],
  ['reassemble', ...FLAGS_OF_A_NEW_DUMP],
  // A header that is already in a pipe cannot be marked incomplete.
  ['size-limit', 'flattened', 'dry-run'],
];

function refuseContradictions(given: GivenFlags): void {
  for (const [one, ...others] of CONTRADICTIONS) {
    const other = given[one] ? others.find(name => given[name] !== undefined) : undefined;
    if (other) throw contradiction(flagOf(one), flagOf(other));
  }
}

/** As users type it. */
function flagOf(name: keyof GivenFlags): string {
  const facts: OptionFacts = DUMP_OPTIONS[name as keyof typeof DUMP_OPTIONS];
  return facts.short ? `-${facts.short}` : `--${name}`;
}

/** The files, in makedumpfile's order for each kind of request. */
function readFiles(given: GivenFlags): Pick<DumpRequest, 'vmcore' | 'inputs' | 'outputs'> {
  const files = given.positionals;
  const [first, ...rest] = files;
  switch (kindOf(given)) {
    case 'version':
      return { vmcore: '', inputs: [], outputs: [] };
    case 'rearrange':
      requireFiles(files, 'OUT', 1);
      return { vmcore: '', inputs: [], outputs: files };
    case 'reassemble':
      requireFiles(files, 'PART PART… OUT', 3, Number.POSITIVE_INFINITY);
      return { vmcore: '', inputs: files.slice(0, -1), outputs: files.slice(-1) };
    case 'split':
      requireFiles(files, 'VMCORE OUT OUT…', 3, Number.POSITIVE_INFINITY);
      return { vmcore: first, inputs: [], outputs: rest };
    default:
      requireFiles(files, given.flattened ? 'VMCORE' : 'VMCORE OUT', given.flattened ? 1 : 2);
      return { vmcore: first === '-' ? STANDARD_INPUT : first, inputs: [], outputs: rest };
  }
}

/** The requested level, and those to try if the dump does not fit. */
function readDumpLevels(text: string): number[] {
  return text.split(',').map(level => {
    try {
      return parseDumpLevel(level);
    } catch {
      throw badValue(
        'dump-level',
        text,
        `a number from 0 to ${MAX_DUMP_LEVEL}, or a list of them like 11,31`,
      );
    }
  });
}

/** makedumpfile silently takes the last of several. Here that is an error: the user may get a codec they did not want. */
function readCodec(given: GivenFlags, unasked: CodecName | 'none'): CodecName | 'none' {
  // In the user's order, which parseArgs keeps.
  const [wished, other] = (Object.keys(given) as (keyof GivenFlags)[]).filter(isCodec);
  if (wished && other) throw contradiction(flagOf(wished), flagOf(other));
  return wished ?? unasked;
}

function isCodec(name: keyof GivenFlags): name is CodecName {
  return (CODEC_NAMES as readonly string[]).includes(name);
}

/** A multiple of any page size. */
function readSplitblock(text: string | undefined): number {
  if (text === undefined) return SPLITBLOCK_BYTES;
  const kilobytes = wholeNumber('splitblock-size', text, 1, 2 ** 40);
  if (kilobytes % 64 === 0) return kilobytes * 1024;
  throw badValue('splitblock-size', text, 'a multiple of 64');
}

function readMessageLevel(given: GivenFlags): number {
  const level = wholeNumber('message-level', given['message-level'] ?? '7', 0, 31);
  return level | (given['show-stats'] ? MESSAGE.report : 0) | (given.debug ? MESSAGE.debug : 0);
}

function requireFiles(files: readonly string[], wanted: string, least: number, most = least): void {
  const empty = files.includes('');
  if (files.length >= least && files.length <= most && !empty) return;
  throw new UsageError('FILES', {
    action: 'run kdumpling dump',
    actual: empty
      ? 'a file name is empty'
      : `there ${files.length === 1 ? 'is' : 'are'} ${counted(files.length, 'file argument')}`,
    wanted,
  });
}

function contradiction(one: string, other: string): UsageError {
  return new UsageError('CONTRADICTION', {
    action: `use ${one} and ${other}`,
    actual: 'they exclude each other',
    wanted: 'one of them',
  });
}
