import { expect, test } from 'vitest';
import { DumpFormatError } from '../../../capture/errors.ts';
import { describeDumpLevel, needsMemmap, parseDumpLevel } from '../../../capture/filter/dump-level.ts';

test.each([
  ['0', 0],
  ['1', 1],
  ['31', 31],
])('"%s" is level %i', (text, level) => expect(parseDumpLevel(text)).toBe(level));

test.each(['', '32', '-1', '1.5', '0x1f', 'all', '1,31', ' 1', '031'])('"%s" is refused', text => {
  expect(() => parseDumpLevel(text)).toThrow(DumpFormatError);
});

test('only the classes of levels 0 and 1 are known without the memmap', () => {
  const without = Array.from({ length: 32 }, (_, level) => level).filter(level => !needsMemmap(level));
  expect(without).toEqual([0, 1]);
});

test('the description of a level names what it leaves out', () => {
  expect(describeDumpLevel(0)).toBe('0 (every page)');
  expect(describeDumpLevel(17)).toBe('17 (without zero, free pages)');
});
