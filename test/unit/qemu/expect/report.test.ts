import { expect, test } from 'vitest';
import { disagreements } from '../../../../qemu/expect/report.ts';

const WANTED = {
  class: 'null-pointer',
  culprit: 'lab_null',
  module: 'kdumpling_lab',
  comm: 'sh',
  cpu: 1,
} as const;

test('a report that names what the trigger did has no disagreement', () => {
  expect(disagreements(WANTED, WANTED)).toEqual([]);
});

test('each fact that differs is named with what was expected', () => {
  expect(disagreements(WANTED, { class: 'page-fault', culprit: 'lab_null', comm: 'init', cpu: 0 })).toEqual([
    'class is page-fault, not null-pointer',
    'module is missing, not kdumpling_lab',
    'comm is init, not sh',
    'cpu is 0, not 1',
  ]);
});

test('a culprit where there is none to blame is a disagreement, a task that is not determined is none', () => {
  expect(disagreements({ class: 'nmi' }, { class: 'nmi', culprit: 'default_idle', comm: 'init' })).toEqual([
    'culprit is default_idle, not missing',
  ]);
});
