/** The configuration of another capture program as a kdump.conf of ours: what becomes of each of its settings. */
import { Failure, TargetError } from '../../../../capture/errors.ts';
import type { Host } from '../../host/host.ts';
import { CONFIG_PATH, settingsOf } from '../config.ts';
import { isPackagedConfig } from '../packaged-file.ts';
import { parseConfig } from '../parse.ts';
import { KDUMP_TOOLS } from './kdump-tools.ts';
import { convertDirective, KDUMP_UTILS } from './kdump-utils.ts';
import { type Conversions, leftOut, type Outcome } from './outcome.ts';
import { lastAssignments } from './shell-values.ts';
import { SUSE_KDUMP } from './suse-kdump.ts';

/** One setting, which is named as the other program names it. Its value is not shown: it may be a password. */
export interface Converted {
  readonly file: string;
  readonly name: string;
  readonly outcome: Outcome;
}

export interface Import {
  /** The program whose configuration it is. */
  readonly program: string;
  readonly files: readonly string[];
  readonly settings: readonly Converted[];
  /** The directives of the new file. */
  readonly lines: readonly string[];
}

const DEBIAN_FILE = '/etc/default/kdump-tools';
const SYSCONFIG_FILE = '/etc/sysconfig/kdump';
/** SUSE's file has it, and Fedora's has not. */
const SUSE_NAME = /^\s*KDUMP_SAVEDIR=/m;

/** @throws TargetError where no other program's configuration is found. */
export function importConfig(host: Host): Import {
  const debian = host.read(DEBIAN_FILE);
  if (debian !== undefined) return made('kdump-tools', shellSettings(DEBIAN_FILE, debian, KDUMP_TOOLS));
  const sysconfig = host.read(SYSCONFIG_FILE);
  if (sysconfig !== undefined && SUSE_NAME.test(sysconfig))
    return made('SUSE kdump', shellSettings(SYSCONFIG_FILE, sysconfig, SUSE_KDUMP));
  const text = host.read(CONFIG_PATH);
  const directives = text === undefined || isPackagedConfig(text) ? [] : directiveSettings(text);
  const others = sysconfig === undefined ? [] : shellSettings(SYSCONFIG_FILE, sysconfig, KDUMP_UTILS);
  if (sysconfig !== undefined || directives.length > 0)
    return made('kdump-utils', [...directives, ...others]);
  throw new TargetError('NOTHING_TO_IMPORT', {
    action: 'import a configuration',
    actual: `there is none of another program in ${DEBIAN_FILE}, ${SYSCONFIG_FILE} and ${CONFIG_PATH}`,
  });
}

function shellSettings(file: string, text: string, conversions: Conversions): Converted[] {
  return lastAssignments(text)
    .filter(({ value }) => value !== '')
    .map(({ name, value }) => ({ file, name, outcome: convert(conversions, name, value) }));
}

function convert(conversions: Conversions, name: string, value: string | undefined): Outcome {
  if (!Object.hasOwn(conversions, name)) return leftOut('kdumpling does not know it');
  if (value === undefined) return leftOut('only a shell can tell its value');
  return checked(conversions[name]!(value));
}

function directiveSettings(text: string): Converted[] {
  return parseConfig(text).map(({ name, value }) => ({
    file: CONFIG_PATH,
    name,
    outcome: checked(convertDirective(name, value)),
  }));
}

/** What kdumpling would refuse is left out, with the reason for the refusal. */
function checked(outcome: Outcome): Outcome {
  if (outcome.kind !== 'taken') return outcome;
  const lines = outcome.collector === undefined ? outcome.lines! : [collectorLine([outcome.collector])];
  try {
    settingsOf(lines.join('\n'), 'it');
    return outcome;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return leftOut(error.message.replace(/^.*?line 1: /, ''));
  }
}

function made(program: string, settings: readonly Converted[]): Import {
  const outcomes = settings.flatMap(({ outcome }) => (outcome.kind === 'taken' ? [outcome] : []));
  const flags = outcomes.flatMap(({ collector = [] }) => collector);
  return {
    program,
    files: [...new Set(settings.map(({ file }) => file))],
    settings,
    lines: [
      ...outcomes.flatMap(({ lines = [] }) => lines),
      ...(flags.length > 0 ? [collectorLine(flags)] : []),
    ],
  };
}

function collectorLine(flags: readonly string[]): string {
  return `core_collector makedumpfile ${flags.join(' ')}`;
}
