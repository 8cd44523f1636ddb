import { expect, test } from 'vitest';
import { listOfAxes } from '../../../../qemu/lab/list.ts';
import { debianKernelNamed } from '../../../../qemu/lab/options.ts';
import { IMPOSSIBLE_TRIGGERS, TRIGGERS } from '../../../../qemu/triggers/triggers.ts';

const sections = new Map(
  listOfAxes()
    .split('\n\n')
    .map(text => text.split('\n'))
    .map(([title, ...rows]) => [title, rows]),
);
const names = (title: string) => sections.get(title)!.map(row => row.trim().split(/ {2,}/)[0]!);

test('every value has a line that says what it is', () => {
  expect(sections.size).toBeGreaterThan(8);
  for (const [title, rows] of sections) {
    // One architecture may lack one thing alone.
    expect(rows.length).toBeGreaterThan(title.startsWith('not with') ? 0 : 1);
    expect(rows.filter(row => !/^ {2}\S+ {2,}\S/.test(row))).toEqual([]);
  }
});

test('the kernels that are named are kernels', () => {
  for (const name of names('--kernel').slice(0, -1)) expect(debianKernelNamed(name)).toBeDefined();
});

test('triggers that cannot be made are named with the reason', () => {
  expect(names('--trigger')).toHaveLength(TRIGGERS.length + IMPOSSIBLE_TRIGGERS.length);
  expect(sections.get('--trigger')!.join('\n')).toMatch(/hard-lockup +cannot be made: the detector/);
});

test('what an architecture cannot have is named with the reason', () => {
  expect(names('not with --arch arm64')).toContain('machine-check');
  expect(names('not with --arch amd64')).toEqual(['uefi-dtb']);
});
