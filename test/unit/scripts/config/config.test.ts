import { describe, expect, test } from 'vitest';
import { readConfig, settingsOf } from '../../../../scripts/lib/config/config.ts';
import { DIRECTIVES } from '../../../../scripts/lib/config/directives.ts';
import { parseConfig } from '../../../../scripts/lib/config/parse.ts';
import { UNSUPPORTED } from '../../../../scripts/lib/config/unsupported.ts';
import { hostWith } from '../../../support/host-root.ts';

const read = (text: string) => settingsOf(text, '/etc/kdump.conf');

test('lines, comments and blanks', () => {
  expect(parseConfig('# all\n\n  path\t/var/crash  # here\nbare\n#path /no\n')).toEqual([
    { number: 3, name: 'path', value: '/var/crash' },
    { number: 4, name: 'bare', value: '' },
  ]);
});

test('an empty file sets nothing', () => {
  expect(read('')).toEqual({ options: {}, extraModules: [], layout: 'self-contained' });
});

test('without a file there are the defaults', () => {
  expect(readConfig(hostWith({}))).toEqual(read(''));
});

test.each([
  ['a directory', { '/etc/kdump.conf/': '' }],
  ['a link to nothing', { '/etc/kdump.conf': '-> /etc/gone' }],
])('%s in its place is not taken for the defaults', (_, files) => {
  expect(() => readConfig(hostWith(files))).toThrow(
    'Cannot read /etc/kdump.conf: it is no regular file, or may not be read; expected a file in the syntax of kdump.conf',
  );
});

test('what Fedora ships', () => {
  expect(
    read(
      'auto_reset_crashkernel yes\npath /var/crash\ncore_collector makedumpfile -l --message-level 7 -d 31\n',
    ),
  ).toEqual({
    options: { path: '/var/crash', codec: 'lzo', dumpLevel: 31 },
    extraModules: [],
    layout: 'self-contained',
  });
});

test.each([
  [
    'ext4 UUID=03138356-5e61-4ab3-b58e-27507ac41937',
    { fstype: 'ext4', target: 'UUID=03138356-5e61-4ab3-b58e-27507ac41937' },
  ],
  ['xfs LABEL=/boot', undefined],
  ['xfs LABEL=crash', { fstype: 'xfs', target: 'LABEL=crash' }],
  ['btrfs /dev/mapper/vg-crash', { fstype: 'btrfs', target: '/dev/mapper/vg-crash' }],
  ['core_collector makedumpfile', {}],
  ['core_collector /usr/sbin/makedumpfile -z -d 17,31', { codec: 'zstd', dumpLevel: 17 }],
  ['core_collector makedumpfile -c --num-threads 4 -d 0', { codec: 'zlib', dumpLevel: 0 }],
  ['core_collector makedumpfile -p', { codec: 'snappy' }],
  ['core_collector makedumpfile -F -l -d 31', undefined],
  ['core_collector makedumpfile -E', undefined],
  ['core_collector makedumpfile -l -p', undefined],
  ['core_collector makedumpfile -d 32', undefined],
  ['core_collector makedumpfile vmcore', undefined],
  ['core_collector makedumpfile --colour', undefined],
  ['core_collector scp', undefined],
  ['final_action poweroff', { finalAction: 'poweroff' }],
  ['failure_action halt', { failureAction: 'halt' }],
  ['default halt', { failureAction: 'halt' }],
  ['failure_action dump_to_rootfs', undefined],
  ['path var/crash', undefined],
  ['deadline 600', { deadlineSeconds: 600 }],
  ['deadline soon', undefined],
])('%s', (line, options) => {
  if (options) expect(read(line).options).toEqual(options);
  else expect(() => read(line)).toThrow(/^Cannot use \/etc\/kdump\.conf: line 1: cannot use /);
});

test('a collector with more flags than makedumpfile has is refused at once', () => {
  expect(() => read(`core_collector makedumpfile${' -l'.repeat(20_000)}`)).toThrow(
    /cannot use core_collector: it has 20000 flags; expected 100 at most/,
  );
});

test('modules add up', () => {
  expect(read('extra_modules gfs2 dm-mod\nextra_modules nvme').extraModules).toEqual([
    'gfs2',
    'dm-mod',
    'nvme',
  ]);
  expect(() => read('extra_modules a;b')).toThrow(/line 1/);
});

test('a line separator within a line is a part of its value', () => {
  expect(parseConfig('path /var\u2028x')).toEqual([{ number: 1, name: 'path', value: '/var\u2028x' }]);
  expect(() => read('path /var\u2028x')).toThrow(/line 1: cannot use the option path/);
});

test('the layout must be one of those that exist', () => {
  expect(read('').layout).toBe('self-contained');
  expect(read('layout lean').layout).toBe('lean');
  expect(() => read('layout small')).toThrow(/line 1: .*"small"; expected self-contained or lean/);
});

test('a comment begins at the start of a line or after a blank', () => {
  expect(read('#notify_url https://h/x\nnotify_url https://h/a#b # https://h/c').notifyUrl).toBe(
    'https://h/a#b',
  );
  expect(parseConfig('path /a#b\tc\npath /a\t#b')).toMatchObject([{ value: '/a#b\tc' }, { value: '/a' }]);
});

describe('words of the crash kernel’s command line', () => {
  test('add up', () => {
    const text =
      'command_line_append nr_cpus=2 a="b c"\ncommand_line_append x\ncommand_line_remove quiet nvme.*\n';
    expect(read(text).commandLine).toEqual({
      append: ['nr_cpus=2', 'a="b c"', 'x'],
      remove: ['quiet', 'nvme.*'],
    });
  });

  test.each(['a -- single', '--', 'a="b', '"a b'])('%s is refused', words => {
    expect(() => read(`command_line_append ${words}`)).toThrow(
      /line 1: cannot use command_line_append: .*; expected kernel parameters, without -- and with each quote closed/,
    );
  });
});

test.each([
  ['path "/var/crash"', 'Write: path /var/crash'],
  ["path '/var/crash'", 'Write: path /var/crash'],
  ['core_collector "makedumpfile -l" -d 31', 'Write: core_collector makedumpfile -l -d 31'],
  ['ext4 UUID="03138356-5e61"', 'Write: ext4 UUID=03138356-5e61'],
  ['notify_url "https://h/a"', 'Write: notify_url https://h/a'],
])('%s: the quotes are named', (line, toDo) => {
  expect(() => read(line)).toThrow(
    /line 1: cannot use \S+: its value has quotes: .*; expected a value without quotes\. /,
  );
  expect(() => read(line)).toThrow(toDo);
});

test.each([
  ['auto_reset_crashkernel yes', true],
  ['auto_reset_crashkernel no', true],
  ['auto_reset_crashkernel maybe', false],
])('%s', (line, taken) => {
  if (taken) expect(read(line)).toEqual(read(''));
  else expect(() => read(line)).toThrow(/expected yes or no/);
});

test('whether memory is lent until a crash', () => {
  expect(read('crashkernel_cma never')).toMatchObject({ crashkernelCma: 'never' });
  expect(read('crashkernel_cma auto')).toMatchObject({ crashkernelCma: 'auto' });
  expect(() => read('crashkernel_cma no')).toThrow(/its value is "no"; expected auto or never/);
});

describe('every wrong line is named', () => {
  test('with its number and what to do', () => {
    const text = 'path /crash\n\nnfs server:/export\ncolour red\npath /var\nfinal_action\n';
    expect(() => read(text)).toThrow(
      /line 3: cannot use nfs: .*kdumpling upload.* \| line 4: cannot use colour red: there is no such directive; expected one of .* \| line 5: cannot use path: line 1 already has path; .* \| line 6: cannot use final_action: it has no value; expected final_action ACTION\. Correct the file, or run `kdumpling import-config` if it is the file of another program$/,
    );
  });

  test.each([
    ['ext4 /dev/vda1\nxfs /dev/vda2', 'line 1 already has ext4'],
    ['failure_action halt\ndefault halt', 'line 1 already has failure_action'],
  ])('%j share a slot', (text, message) => expect(() => read(text)).toThrow(message));

  test.each(Object.keys(UNSUPPORTED))('%s is refused', name => {
    expect(() => read(`${name} x`)).toThrow(UNSUPPORTED[name]);
  });

  test.each(['constructor', '__proto__', 'toString'])('%s is no directive', name => {
    expect(() => read(`${name} x`)).toThrow(/no such directive/);
  });
});

test('no directive is both supported and refused, or listed twice', () => {
  const names = DIRECTIVES.map(({ name }) => name);
  expect(names.filter(name => Object.hasOwn(UNSUPPORTED, name))).toEqual([]);
  expect(new Set(names).size).toBe(names.length);
});
