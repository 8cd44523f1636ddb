import { expect, test } from 'vitest';
import { decodeKmsgRecord, mergeLogs } from '../../../capture/init/kernel-log.ts';

test.each([
  ['6,339,5140900,-;NET: Registered\n', { uptimeSeconds: 5.1409, text: 'NET: Registered' }],
  ['4,1,0,c;one\n SUBSYSTEM=acpi\n', { uptimeSeconds: 0, text: 'one' }],
  ['6,2,10,-,caller=T1;two\n', { uptimeSeconds: 0.00001, text: 'two' }],
  ['6,2,10,-;a;b\n', { uptimeSeconds: 0.00001, text: 'a;b' }],
  ['garbage', undefined],
  ['', undefined],
])('%j', (record, line) => expect(decodeKmsgRecord(record)).toEqual(line));

test('the two logs are merged by time', () => {
  const merged = mergeLogs(
    [
      { uptimeSeconds: 1, text: 'kernel one' },
      { uptimeSeconds: 3, text: 'kernel two' },
    ],
    [{ uptimeSeconds: 2, text: 'kdumpling: start' }],
  );
  expect(merged.split('\n').map(line => line.slice(15))).toEqual([
    'kernel one',
    'kdumpling: start',
    'kernel two',
    '',
  ]);
});
