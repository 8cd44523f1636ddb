/** The README against the code: what it names must be there, and what there is must be named. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkOptions } from '../../capture/options.ts';
import { FAULTS } from '../../qemu/faults.ts';
import { DIRECTIVES } from '../../scripts/config/directives.ts';
import { VERBS } from '../../scripts/verbs.ts';

const PROJECT = join(import.meta.dirname, '../..');
const readme = readFileSync(join(PROJECT, 'README.md'), 'utf8');
const { scripts } = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8'));

/** First cells of the table below a heading, without their backquotes. */
function firstCells(heading: string): string[] {
  const section = readme.split(/^## /m).find(text => text.startsWith(heading))!;
  return [...section.matchAll(/^\| `([^`]+)` \|/gm)].map(match => match[1]);
}

test('every option of the capture, and no other', () => {
  const { modules, ...options } = checkOptions({ target: '/dev/vda', fstype: 'ext4', modules: [] });
  expect(modules).toEqual([]);
  expect(firstCells('The initrd').sort()).toEqual(Object.keys(options).sort());
});

test('every directive of /etc/kdump.conf, as the table of directives has it', () => {
  const rows = DIRECTIVES.map(({ name, value, does }) => `| \`${name}\` | ${value} | ${does} |`);
  const section = readme.split(/^## /m).find(text => text.startsWith('Configuration'))!;
  expect(section.match(/^\| `.*$/gm)).toEqual(rows);
});

test('its verbs are there', () => {
  const named = [...readme.matchAll(/(?:^|[`;] ?)kdumpling ([a-z]+)/gm)].map(match => match[1]!);
  expect(named.length).toBeGreaterThan(5);
  expect([...new Set(named)].filter(name => !Object.hasOwn(VERBS, name))).toEqual([]);
});

test('every fault of the lab, and no other', () => {
  expect(['none', ...firstCells('The lab')].sort()).toEqual(FAULTS.map(({ name }) => name).sort());
});

test('its npm commands are there', () => {
  const named = [...readme.matchAll(/npm (?:run )?([a-z]+)/g)].map(match => match[1]);
  expect([...new Set(named)].filter(name => !(name in scripts) && name !== 'and')).toEqual([]);
});

describe('the lines of the serial console', () => {
  const sources = [...globSync('capture/**/*.ts', { cwd: PROJECT }), 'initrd/early.sh', 'capture/log.ts']
    .map(file => readFileSync(join(PROJECT, file), 'utf8'))
    .join('\n');
  const ours = firstCells('Reading the serial console').filter(line => /kdumpling|^Cannot/.test(line));

  test('there are some', () => expect(ours.length).toBeGreaterThan(5));

  test.each(ours)('%s', line => {
    // What the program fills in is a placeholder here; the longest piece of fixed words must stand in the code.
    const words = line
      .replace(/^kdumpling: \w+: (warning: )?/, '')
      .split(/…|NOT saved: |<\w+>|\b\d+\b|\bN\b|\/var\/crash\//)
      .map(piece => piece.replace(/^[\s:]+|[\s:;]+$/g, ''));
    const longest = words.sort((a, b) => b.length - a.length)[0];
    expect(sources).toContain(longest.replace(/^Cannot /, ''));
  });
});
