/** What a shell makes of the files that a shell sources: sh itself is the judge. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { lastAssignments, readAssignments } from '../../../../../scripts/lib/config/import/shell-values.ts';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kdumpling-shell-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function bySh(text: string): string {
  const file = join(folder, 'file');
  writeFileSync(file, text);
  return spawnSync('sh', ['-c', `. "${file}"; printf %s "$X"`], { encoding: 'utf8' }).stdout;
}

describe('the value is the one that sh reads', () => {
  test.each([
    'X=plain',
    'X="two words"',
    "X='single $HOME `id`'",
    'X=a"b c"d\'e f\'g',
    'X="a \\"quoted\\" word \\$HOME \\\\ \\n"',
    'X=a\\ b',
    'X=value # a comment',
    'X="a # b"',
    'X=a#b',
    'export X=exported',
    '  X=indented',
    'X=1; Y=2',
    'X=first\nX=last',
    'X="two\nlines"',
    'X="joined\\\n lines"',
    'X=',
    'X=""',
    'A=one\nX="$A two"',
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a parameter of sh
    'A=one\nX=${A}two',
    '#X=commented\nX=real',
    'X=unterminated-not\n# "',
    'X=a\tY=b',
    'Y="\nX=inside\n"\nX=outside',
  ])('%j', text => {
    const found = lastAssignments(text).find(({ name }) => name === 'X');
    expect(found?.value).toBe(bySh(text));
  });
});

test.each(['X=$(id)', 'X="`id`"', 'X=$UNKNOWN', 'X="open', 'A=$(id)\nX=$A'])(
  '%j is for a shell to tell',
  text => {
    expect(lastAssignments(text).find(({ name }) => name === 'X')).toMatchObject({ value: undefined });
  },
);

test('lines are counted, over values of several lines', () => {
  const text = '# comment\nA="one\ntwo"\n\nB=2\n';
  expect(readAssignments(text).map(({ name, line }) => [name, line])).toEqual([
    ['A', 2],
    ['B', 5],
  ]);
});
