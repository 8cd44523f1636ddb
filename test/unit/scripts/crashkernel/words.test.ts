/** crashkernel= words on a line are taken out and replaced wherever they are found. */
import { expect, test } from 'vitest';
import {
  crashkernelValues,
  replaceCrashkernel,
  withCrashkernel,
} from '../../../../scripts/lib/crashkernel/words.ts';

test.each<[string, string, string]>([
  ['crashkernel=1G crashkernel=2G quiet', 'quiet', 'crashkernel=3G quiet'],
  ['quiet crashkernel=1G crashkernel=2G', 'quiet', 'quiet crashkernel=3G'],
  ['crashkernel=1G', '', 'crashkernel=3G'],
  ['a crashkernel=1G b', 'a b', 'a crashkernel=3G b'],
  ['A="crashkernel=1G quiet"', 'A="quiet"', 'A="crashkernel=3G quiet"'],
  ['A="crashkernel=1G"', 'A=""', 'A="crashkernel=3G"'],
  ["A='quiet crashkernel=1G,high crashkernel=72M,low'", "A='quiet'", "A='quiet crashkernel=3G'"],
  ['A="x crashkernel=1G" B="crashkernel=2G"', 'A="x" B=""', 'A="x crashkernel=3G" B=""'],
  ['notcrashkernel=1G', 'notcrashkernel=1G', 'notcrashkernel=1G crashkernel=3G'],
])('%s', (line, without, changed) => {
  expect(withCrashkernel(line, [])).toBe(without);
  expect(withCrashkernel(line, ['3G'])).toBe(changed);
  expect(crashkernelValues(without)).toEqual([]);
  expect(crashkernelValues(changed)).toEqual(['3G']);
  expect(withCrashkernel(changed, ['3G'])).toBe(changed);
});

test('a file is changed where it has a word, and nowhere else', () => {
  const text = 'GRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX="crashkernel=1G quiet"\n';
  expect(replaceCrashkernel(text, ['3G'])).toBe(
    'GRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX="crashkernel=3G quiet"\n',
  );
});
