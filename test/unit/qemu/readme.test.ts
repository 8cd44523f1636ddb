/** The lab's README against the lab: it names every fault and option, and nothing that is not there. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FAULTS } from '../../../qemu/faults/all.ts';
import { GEOMETRIES } from '../../../qemu/geometry/all.ts';
import { MACHINE_OPTIONS } from '../../../qemu/lab/options.ts';
import { TRIGGERS } from '../../../qemu/triggers/triggers.ts';

const LAB = join(import.meta.dirname, '../../../qemu');
const readme = readFileSync(join(LAB, 'README.md'), 'utf8');

function sectionOf(heading: string): string {
  return readme.split(/^## /m).find(text => text.startsWith(`${heading}\n`))!;
}

/** The names in the first cells of a section's table; a cell may hold several. */
function firstCells(heading: string): string[] {
  return [...sectionOf(heading).matchAll(/^\| (`[^|]+`) \|/gm)].flatMap(([, cell]) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(match => match[1]),
  );
}

test('every fault has a row, and every row is a fault', () => {
  expect(firstCells('Faults').sort()).toEqual(FAULTS.map(({ name }) => name).sort());
});

test('every memory geometry has a row, and every row is a geometry', () => {
  expect(firstCells('Memory geometries')).toEqual(GEOMETRIES.map(({ name }) => name));
});

test('every trigger has a row, and every row is a trigger', () => {
  expect(firstCells('Triggers')).toEqual(TRIGGERS.map(({ name }) => name));
});

test('fault names are unique, and each has a line of help', () => {
  const names = FAULTS.map(({ name }) => name);
  expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
  expect(FAULTS.filter(({ help }) => help === '')).toEqual([]);
});

test('the options it names exist', () => {
  const named = [...readme.matchAll(/--([a-z][a-z-]+)/g)].map(match => match[1]);
  const known = [
    ...Object.keys(MACHINE_OPTIONS),
    'fault',
    'matrix',
    'parallel',
    'resume',
    'results',
    ...['runs', 'step', 'across', 'only'],
    'smallest',
    'times',
    'junit',
    'tap',
    'list',
    'help',
    'full',
  ];
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter(name => !known.includes(name))).toEqual([]);
});

test('the files and directories it names exist', () => {
  const named = firstCells('Where things are').filter(name => /^[a-z-]+(\/|\.ts)$/.test(name));
  expect(named.length).toBeGreaterThan(8);
  expect(named.filter(name => !existsSync(join(LAB, name)))).toEqual([]);
});
