import { expect, test } from 'vitest';
import { readDestination } from '../../../../scripts/lib/cli/destination.ts';
import { type CrashReport, reportOf } from '../../../../scripts/lib/report/crash-report.ts';
import { hiveName, tableRow } from '../../../../scripts/lib/upload/hive-name.ts';

const LOG = '[    1.000000] Kernel panic - not syncing: sysrq triggered crash\n';
const report = (host: string | undefined, more: Partial<CrashReport> = {}): CrashReport => ({
  ...reportOf(
    {
      id: '20261126T100955Z',
      directory: '/var/crash/20261126T100955Z',
      state: 'complete',
      time: new Date('2026-11-26T23:09:55Z'),
      timeBy: 'clock',
      files: [],
    },
    LOG,
    host,
  ),
  ...more,
});
const fileOf = (host: string | undefined, more?: Partial<CrashReport>) =>
  hiveName(report(host, more)).at(-1)!;

test('date by UTC, signature, machine and stamp', () => {
  expect(hiveName(report('web7'))).toEqual([
    'date=2026-11-26',
    expect.stringMatching(/^signature=sysrq-[0-9a-f]{12}$/),
    'web7-20261126T100955Z.json',
  ]);
});

test.each([
  ['.hidden', '%2Ehidden'],
  ['_private', '%5Fprivate'],
  ['../../etc/passwd', '%2E.%2F..%2Fetc%2Fpasswd'],
  ['a b?c=d&e#f%', 'a%20b%3Fc%3Dd%26e%23f%25'],
  ['ü', '%C3%BC'],
  ['a\u0000\n\u001b[31m', 'a%00%0A%1B%5B31m'],
  ['*', '%2A'],
  ['-x', '-x'],
])('a machine called %j is a file that every engine reads', (host, name) => {
  expect(fileOf(host)).toBe(`${name}-20261126T100955Z.json`);
});

test('two long names stay two, and fit a file name', () => {
  const [one, other] = [fileOf(`${'ä'.repeat(64)}1`), fileOf(`${'ä'.repeat(64)}2`)];
  expect(one).not.toBe(other);
  expect(one!.length).toBeLessThan(200);
  expect(one).toMatch(/^(%C3%A4)+(%C3)?-[0-9a-f]{8}-20261126T100955Z\.json$/);
});

test('machines without a name are told apart, and one crash keeps its name', () => {
  expect(fileOf(undefined)).toMatch(/^unknown-[0-9a-f]{8}-20261126T100955Z\.json$/);
  expect(fileOf(undefined)).toBe(fileOf(undefined));
  const { crash } = report(undefined);
  expect(fileOf(undefined, { crash: { ...crash, uptimeSeconds: 2 } })).not.toBe(fileOf(undefined));
});

test('what is no date or signature is the partition of missing values; what Hive escapes is escaped', () => {
  const { when } = report('a');
  const [date, signature] = hiveName(
    report('a', { when: { ...when, crashed: '+275760-09-13' }, signature: '' }),
  );
  expect([date, signature]).toEqual([
    'date=__HIVE_DEFAULT_PARTITION__',
    'signature=__HIVE_DEFAULT_PARTITION__',
  ]);
  expect(hiveName(report('a', { signature: 'a/b=c:d%' }))[1]).toBe('signature=a%2Fb%3Dc%3Ad%25');
});

test('one line, which is the document of report --json', () => {
  const row = tableRow(report('web7'));
  expect(row.indexOf('\n')).toBe(row.length - 1);
  expect(JSON.parse(row)).toEqual(JSON.parse(JSON.stringify(report('web7'))));
});

test.each([
  ['https://h/crashes/{hive}', 'https://h/crashes/date=2026-11-26/signature=s/%252Eh-x.json'],
  ['https://h/{hive}?sig=1', 'https://h/date=2026-11-26/signature=s/%252Eh-x.json?sig=1'],
  ['https://h/%7Bhive%7D', 'https://h/date=2026-11-26/signature=s/%252Eh-x.json'],
])('%s is %s', (given, expected) => {
  const destination = readDestination(given, 'x', ['date=2026-11-26', 'signature=s', '%2Eh-x.json']);
  expect(destination.url.href).toBe(expected);
  expect(destination.isTable).toBe(true);
});

test('a URL that names a report takes nothing else', () => {
  expect(() => readDestination('https://h/{hive}', 'vmcore')).toThrow(
    'Cannot use a URL with {hive}: it names reports in JSON. Add --report --json',
  );
  expect(readDestination('https://h/hook?x={hive}', 'x', ['a']).isTable).toBeUndefined();
});
