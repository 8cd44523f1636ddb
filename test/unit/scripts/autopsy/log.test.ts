import { describe, expect, test } from 'vitest';
import type { PrintkRecord } from '../../../../capture/kernel/printk-ringbuffer.ts';
import { logLines, recordData } from '../../../../scripts/lib/autopsy/log.ts';
import { DOCUMENTS } from '../../../../scripts/lib/schema/documents.ts';
import { misfits, placesOf } from '../../../support/json-schema.ts';

const RECORD: PrintkRecord = {
  seq: 1n,
  timestampNs: 12_034_567_891n,
  level: 4,
  facility: 0,
  callerId: undefined,
  text: Buffer.from('first line\nsecond, für alle'),
};
const BOOT = Date.UTC(2026, 10, 28, 13, 2, 17);

describe('text', () => {
  test.each([
    ['seconds', false, ['[   12.034567] first line', '               second, für alle']],
    ['none', false, ['first line', 'second, für alle']],
    ['none', true, ['<4>first line', '   second, für alle']],
    ['dates', false, ['[2026-11-28T13:02:29.034Z] first line', `${' '.repeat(27)}second, für alle`]],
  ] as const)('%s, levels %s', (times, levels, lines) => {
    expect(logLines(RECORD, { times, levels }, BOOT)).toEqual(lines);
  });

  test('a level that the dump does not have', () => {
    const { level: _, ...unknown } = RECORD;
    expect(logLines({ ...unknown, level: undefined }, { times: 'none', levels: true }, 0)[0]).toBe(
      'first line',
    );
  });

  test('a damaged time', () => {
    const damaged = { ...RECORD, timestampNs: (1n << 64n) - 1n };
    expect(logLines(damaged, { times: 'dates', levels: false }, BOOT)[0]).toMatch(/^\[.+\] first line$/);
  });
});

test('document', () => {
  const document = {
    ...{ format: 1, dump: 'x', release: '6.1', missing: [], booted: new Date(BOOT).toISOString() },
    records: [recordData(RECORD), recordData({ ...RECORD, level: undefined, facility: undefined })],
  };
  const seen = new Set<string>();
  expect(misfits(DOCUMENTS.log!, JSON.parse(JSON.stringify(document)), seen)).toEqual([]);
  expect(misfits(DOCUMENTS.log!, { ...document, booted: null }, seen)).toEqual([]);
  expect(placesOf(DOCUMENTS.log!).filter(place => !seen.has(place))).toEqual([]);
});
