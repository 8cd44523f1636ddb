/** When memory or CPUs come or go the crash kernel is loaded again, and at no other time (build/package/files/90-kdumpling.rules). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const RULES = join(import.meta.dirname, '../../../../build/package/files/90-kdumpling.rules');

/** What udev(7) makes of the few words that these rules have. @returns the commands it would run. */
function udev(event: Readonly<Record<string, string>>): string[] {
  const commands: string[] = [];
  let label: string | undefined;
  for (const line of readFileSync(RULES, 'utf8').split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const words = [...line.matchAll(/([A-Z]+(?:\{\w+\})?)(==|\+?=)"([^"]*)"(?:, |$)/g)];
    expect(words.map(([word]) => word).join('')).toBe(line);
    if (label && !words.some(([, key, , value]) => key === 'LABEL' && value === label)) continue;
    label = undefined;
    const matches = words
      .filter(([, , operator]) => operator === '==')
      .every(([, key, , pattern]) =>
        pattern.split('|').some(each => RegExp(`^${each.replace('?*', '.+')}$`).test(event[key] ?? '')),
      );
    if (!matches) continue;
    label = words.find(([, key]) => key === 'GOTO')?.[3];
    commands.push(...words.filter(([, key]) => key === 'RUN').map(([, , , command]) => command));
  }
  return commands;
}

const RELOADS = ['/bin/systemctl --no-block try-restart kdumpling-load.service'];

test.each([
  ['a CPU that comes', { SUBSYSTEM: 'cpu', ACTION: 'add' }, RELOADS],
  ['a CPU that goes', { SUBSYSTEM: 'cpu', ACTION: 'remove' }, RELOADS],
  ['memory that comes', { SUBSYSTEM: 'memory', ACTION: 'online' }, RELOADS],
  ['another device', { SUBSYSTEM: 'block', ACTION: 'add' }, []],
  // systemd-udev-trigger.service, while the crash kernel is being loaded: it was loaded twice at each boot.
  ['what a boot repeats', { SUBSYSTEM: 'cpu', ACTION: 'add', 'ENV{SYNTH_UUID}': '0' }, []],
  ['a kernel that sees to it', { SUBSYSTEM: 'cpu', ACTION: 'add', 'ATTRS{crash_hotplug}': '1' }, []],
])('%s', (_, event, commands) => expect(udev(event)).toEqual(commands));
