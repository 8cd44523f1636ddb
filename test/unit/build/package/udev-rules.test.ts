/** The crash kernel is reloaded after memory or CPU hot-plug, and at no other time (build/package/files/90-kdumpling.rules). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const RULES = join(import.meta.dirname, '../../../../build/package/files/90-kdumpling.rules');

/** The subset of udev(7) that these rules use. @returns the commands that udev would run. */
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

/** The timer waits until no more events come; test/hosts/hot-plug.test.ts runs it on a real systemd. */
const RELOADS = ['/bin/systemctl --no-block restart kdumpling-reload.timer'];

test.each([
  ['a CPU is added', { SUBSYSTEM: 'cpu', ACTION: 'add' }, RELOADS],
  ['a CPU is removed', { SUBSYSTEM: 'cpu', ACTION: 'remove' }, RELOADS],
  ['memory is added', { SUBSYSTEM: 'memory', ACTION: 'online' }, RELOADS],
  ['another device', { SUBSYSTEM: 'block', ACTION: 'add' }, []],
  // systemd-udev-trigger.service runs while the crash kernel is being loaded, which used to be loaded twice at each boot.
  ['an event that is replayed at boot', { SUBSYSTEM: 'cpu', ACTION: 'add', 'ENV{SYNTH_UUID}': '0' }, []],
  [
    'a kernel that updates the list by itself',
    { SUBSYSTEM: 'cpu', ACTION: 'add', 'ATTRS{crash_hotplug}': '1' },
    [],
  ],
])('%s', (_, event, commands) => expect(udev(event)).toEqual(commands));
