import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FAULTS } from '../../../../qemu/faults/all.ts';
import { GEOMETRIES } from '../../../../qemu/geometry/all.ts';
import { cellsOf, MATRICES, PLAIN, titleOf } from '../../../../qemu/lab/matrix.ts';
import { debianKernelNamed } from '../../../../qemu/lab/options.ts';
import { TRIGGERS } from '../../../../qemu/triggers/triggers.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'kdumpling-matrix-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

function file(text: string): string {
  const path = join(directory, 'matrix.json');
  writeFileSync(path, text);
  return path;
}

test.each(MATRICES.map(({ name }) => name))('the cells of %s name what exists, each once', name => {
  const known = (rows: readonly { name: string }[]) => rows.map(row => row.name);
  const cells = cellsOf(name, PLAIN);
  for (const { kernel, geometry, trigger, fault } of cells) {
    if (kernel !== undefined) debianKernelNamed(kernel);
    expect(known(GEOMETRIES)).toContain(geometry);
    expect(known(TRIGGERS)).toContain(trigger);
    expect(known(FAULTS)).toContain(fault);
  }
  const titles = cells.map(titleOf);
  expect(new Set(titles).size).toBe(titles.length);
});

test('a matrix along one axis keeps the other options', () => {
  const cells = cellsOf('triggers', { ...PLAIN, fault: 'lean' });
  expect(cells).toHaveLength(TRIGGERS.length);
  expect(cells.every(({ fault }) => fault === 'lean')).toBe(true);
});

test('the smoke matrix makes a crash of each kind of blame: in its trace, interrupted, and nowhere', () => {
  const triggers = cellsOf('smoke', PLAIN).map(({ trigger }) => trigger);
  expect(triggers).toEqual(expect.arrayContaining(['null', 'soft-lockup', 'other-cpu']));
});

test('a file’s cells are completed by the options', () => {
  expect(cellsOf(file('[{"kernel": "6.12"}, {"trigger": "null"}]'), { ...PLAIN, geometry: 'uefi' })).toEqual([
    { ...PLAIN, geometry: 'uefi', kernel: '6.12' },
    { ...PLAIN, geometry: 'uefi', trigger: 'null' },
  ]);
});

test.each([
  ['{}', 'it is no list of crashes'],
  ['[]', 'it is no list of crashes'],
  ['[', 'JSON'],
  ['[{"trigger": "no-such"}]', 'its item 1 has trigger "no-such"'],
  ['[{}, {"speed": "9"}]', 'its item 2 has speed "9"'],
])('the file %s is refused with what is wrong', (text, message) => {
  expect(() => cellsOf(file(text), PLAIN)).toThrow(message);
});

test('a title has what is unusual, and the trigger where nothing is', () => {
  expect(titleOf({ ...PLAIN, kernel: '6.1-cloud' })).toBe('6.1-cloud sysrq-c');
  expect(titleOf({ ...PLAIN, trigger: 'null', fault: 'lean' })).toBe('null lean');
});
