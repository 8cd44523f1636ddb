/** The README against the code: what it names must be there, and what there is must be named. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ADVICE } from '../../capture/flow/advice.ts';
import { checkOptions } from '../../capture/options/schema.ts';
import { FAULTS } from '../../qemu/faults/all.ts';
import { DIRECTIVES } from '../../scripts/lib/config/directives.ts';
import { VERBS } from '../../scripts/verb-table.ts';

const PROJECT = join(import.meta.dirname, '../..');
const readme = readFileSync(join(PROJECT, 'README.md'), 'utf8');
const { scripts } = JSON.parse(readFileSync(join(PROJECT, 'package.json'), 'utf8'));

/** First cells of the table below a heading, without their backquotes; a cell may name several. */
function firstCells(heading: string): string[] {
  const section = readme.split(/^## /m).find(text => text.startsWith(heading))!;
  return [...section.matchAll(/^\| (`[^`]+`(?:, `[^`]+`)*) \|/gm)].flatMap(([, cell]) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(match => match[1]),
  );
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
  const capture = globSync('capture/**/*.ts', { cwd: PROJECT }).filter(file => !file.endsWith('advice.ts'));
  const sources = [...capture, ...globSync('initrd/*.sh', { cwd: PROJECT })]
    .map(file => readFileSync(join(PROJECT, file), 'utf8'))
    .join('\n');
  const ours = firstCells('Reading the serial console').filter(line => /kdumpling|^Cannot/.test(line));

  test('there are some', () => expect(ours.length).toBeGreaterThan(5));

  test.each(ours)('%s', line => {
    // What the program fills in is a placeholder here; the longest piece of fixed words must stand in the code.
    const words = line
      .replace(/^kdumpling: [a-z]+: (warning: )?/, '')
      .split(/…|: E[A-Z]+|NOT saved: |<\w+>|\b\d+\b|\bN\b|\/var\/crash\//)
      .map(piece => piece.replace(/^[\s:;]+|[\s:;]+$/g, ''));
    const longest = words.sort((a, b) => b.length - a.length)[0];
    expect(sources).toContain(longest.replace(/^Cannot /, ''));
  });

  test.each(ADVICE)('what to do about: $line', ({ line, toDo }) => {
    const row = readme.split('\n').find(text => text.startsWith(`| \`${line}\` |`));
    expect(row?.endsWith(` | ${toDo} |`)).toBe(true);
  });

  const warningPhases = [...new Set([...sources.matchAll(/\bwarn\('([a-z]+)'/g)].map(([, phase]) => phase))];

  test('there are phases that warn', () => expect(warningPhases.length).toBeGreaterThan(5));

  test.each(warningPhases)('warnings of %s', phase => {
    expect(ours.some(line => line.startsWith(`kdumpling: ${phase}: warning: `))).toBe(true);
  });
});
