import { expect, test } from 'vitest';
import { DumpFormatError } from '../../../capture/errors.ts';
import {
  describeDumpLevel,
  parseDumpLevel,
  requireSupportedDumpLevel,
} from '../../../capture/filter/dump-level.ts';

test.each([
  ['0', 0],
  ['1', 1],
  ['31', 31],
])('"%s" is level %i', (text, level) => expect(parseDumpLevel(text)).toBe(level));

test.each(['', '32', '-1', '1.5', '0x1f', 'all', '1,31', ' 1', '031'])('"%s" is refused', text => {
  expect(() => parseDumpLevel(text)).toThrow(DumpFormatError);
});

test('levels that the filter cannot do are refused by the names of their classes', () => {
  for (const level of [0, 1]) expect(() => requireSupportedDumpLevel(level)).not.toThrow();
  expect(() => requireSupportedDumpLevel(24)).toThrow(/user data, free pages.*0 or 1/);
});

test('a level says what it leaves out', () => {
  expect(describeDumpLevel(0)).toBe('0 (every page)');
  expect(describeDumpLevel(17)).toBe('17 (without zero, free pages)');
});
