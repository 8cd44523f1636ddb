/** Reads /etc/kdump.conf strictly: every line takes effect or is refused with its number. */
import { basename, dirname } from 'node:path';
import { Failure } from '../../../capture/errors.ts';
import type { Host } from '../host/host.ts';
import { DIRECTIVES, NO_SETTINGS, type Settings } from './directives.ts';
import { ConfigError } from './errors.ts';
import { type Line, parseConfig } from './parse.ts';
import { UNSUPPORTED } from './unsupported.ts';

export const CONFIG_PATH = '/etc/kdump.conf';

/**
 * The machine's config, or the defaults if it has no file.
 * @throws ConfigError that names every wrong line, or for what is there and cannot be read: the defaults are not what it says.
 */
export function readConfig(host: Host, path = CONFIG_PATH): Settings {
  const text = host.read(path);
  if (text !== undefined) return settingsOf(text, path);
  const isThere = host.list(dirname(path)).includes(basename(path));
  if (!isThere && path === CONFIG_PATH) return settingsOf('', path);
  throw new ConfigError('NO_CONFIG', {
    action: `read ${path}`,
    actual: isThere ? 'it is no regular file, or may not be read' : 'it does not exist',
    wanted: 'a file in the syntax of kdump.conf',
  });
}

/** @param path used in messages only. */
export function settingsOf(text: string, path: string): Settings {
  let settings = NO_SETTINGS;
  const problems: string[] = [];
  const taken = new Map<string, Line>();
  for (const line of parseConfig(text)) {
    try {
      settings = applyLine(line, settings, taken);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      problems.push(`line ${line.number}: ${error.message.replace(/^Cannot /, 'cannot ')}`);
    }
  }
  if (problems.length === 0) return settings;
  throw new ConfigError('BAD_CONFIG', {
    action: `use ${path}`,
    actual: problems.join(' | '),
    ...(path === CONFIG_PATH && {
      toDo: 'Correct the file, or run `kdumpling import-config` if it is the file of another program',
    }),
  });
}

function applyLine(line: Line, settings: Settings, taken: Map<string, Line>): Settings {
  const directive = DIRECTIVES.find(({ name }) => name === line.name);
  if (!directive) throw unknown(line);
  const slot = directive.slot ?? directive.name;
  const before = taken.get(slot);
  if (before && !directive.repeatable) {
    throw new ConfigError('GIVEN_TWICE', {
      action: `use ${line.name}`,
      actual: `line ${before.number} already has ${before.name}`,
      wanted: 'one of them',
      toDo: 'Remove one of the two lines',
    });
  }
  taken.set(slot, line);
  if (line.value === '') {
    throw new ConfigError('NO_VALUE', {
      action: `use ${line.name}`,
      actual: 'it has no value',
      wanted: `${line.name} ${directive.value}`,
    });
  }
  if (!directive.takesQuotes) refuseQuotes(line);
  return directive.apply(line.value, settings);
}

/** kdump.conf(5) has no quotes: they would become part of the value. */
function refuseQuotes({ name, value }: Line): void {
  if (!/["']/.test(value)) return;
  throw new ConfigError('QUOTED', {
    action: `use ${name}`,
    actual: `its value has quotes: ${value}`,
    wanted: 'a value without quotes',
    toDo: `Write: ${name} ${value.replace(/["']/g, '')}`,
  });
}

function unknown({ name, value }: Line): ConfigError {
  const known = Object.hasOwn(UNSUPPORTED, name);
  return new ConfigError(known ? 'UNSUPPORTED' : 'UNKNOWN_DIRECTIVE', {
    action: `use ${name}${known || value === '' ? '' : ` ${value}`}`,
    actual: known ? 'it is not supported' : 'there is no such directive',
    ...(known
      ? { toDo: UNSUPPORTED[name] }
      : { wanted: `one of ${DIRECTIVES.map(directive => directive.name).join(', ')}` }),
  });
}
