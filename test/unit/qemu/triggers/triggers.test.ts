import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { IMPOSSIBLE_TRIGGERS, TRIGGERS } from '../../../../qemu/triggers/triggers.ts';

const source = readFileSync(
  join(import.meta.dirname, '../../../../qemu/triggers/module/kdumpling_lab.c'),
  'utf8',
);

test('names are unique, also those of crashes that cannot be made', () => {
  const names = [...TRIGGERS, ...IMPOSSIBLE_TRIGGERS].map(({ name }) => name);
  expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
});

test('every way of the module has a trigger, and every trigger of the module is a way of it', () => {
  const ways = [...source.matchAll(/\{ "([a-z-]+)", lab_\w+ \}/g)].map(match => match[1]).sort();
  const used = TRIGGERS.flatMap(
    ({ command }) => /echo ([a-z-]+) > \/proc\/kdumpling-lab/.exec(command)?.[1] ?? [],
  );
  expect(ways.length).toBeGreaterThan(15);
  expect(used.sort()).toEqual(ways);
});

test('every function that a trigger of the module expects in its trace is in the module or the kernel’s', () => {
  const named = TRIGGERS.flatMap(({ frames }) => frames).filter(name => name.startsWith('lab_'));
  expect(named.filter(name => !source.includes(`${name}(`))).toEqual([]);
});

test('a trigger waits for the monitor exactly where the monitor has work', () => {
  for (const { name, command, monitor } of TRIGGERS) {
    expect(command.includes('waits for the monitor'), name).toBe(monitor !== undefined);
  }
});
