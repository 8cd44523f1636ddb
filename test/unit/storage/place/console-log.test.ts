import { expect, test } from 'vitest';
import { BEGIN_MARK, ConsoleLog, cutConsoleLog } from '../../../../capture/storage/place/console-log.ts';

/** As a serial port gives it: CR LF, and the crash kernel's own lines in between. */
function console(records: readonly string[]): string {
  const lines = ['[ 1.0] booting', BEGIN_MARK];
  const shown = new ConsoleLog(line => lines.push(line, '[ 2.0] vda: I/O error'));
  for (const record of records) shown.add(record);
  lines.push(`[ 3.0] kdumpling: dmesg: ${shown.endMark()}`, '| not of it', '');
  return lines.join('\r\n');
}

const RECORDS = ['[ 0.1] first\n', '[ 0.2] two\n       lines\n', '| looks like one\n', '', 'über\x1b[31m\n'];
const LINES = ['[ 0.1] first', '[ 0.2] two', '       lines', '| looks like one', '', 'über [31m'];

test('is cut out whole', () =>
  expect(cutConsoleLog(console(RECORDS))).toEqual({ lines: LINES, whole: true }));

test('the last one, where there are more', () => {
  expect(cutConsoleLog(console(['old']) + console(RECORDS))?.lines).toEqual(LINES);
});

test.each([
  ['a line lost', (text: string) => text.replace('| [ 0.1] first\r\n', '')],
  ['a letter changed', (text: string) => text.replace('first', 'fierst')],
  ['two lines swapped', (text: string) => text.replace('two', 'tow')],
  ['cut off', (text: string) => text.slice(0, text.indexOf('looks'))],
])('%s is noticed', (_, damage) => expect(cutConsoleLog(damage(console(RECORDS)))?.whole).toBe(false));

test('a console without one', () => expect(cutConsoleLog('booting\r\n')).toBeUndefined());
