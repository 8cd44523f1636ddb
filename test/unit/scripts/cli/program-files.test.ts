import { expect, test } from 'vitest';
import { CODEC_NAMES } from '../../../../capture/codecs/table.ts';
import type { OptionFacts } from '../../../../scripts/lib/cli/help.ts';
import { DUMP_PROGRAM_FILE, PROGRAM_FILE, programFor } from '../../../../scripts/lib/cli/program-files.ts';
import { DUMP_OPTIONS } from '../../../../scripts/lib/dump/arguments.ts';

test.each([
  [['/usr/lib/kdumpling/kdumpling', 'dump', '-l', 'a', 'b'], DUMP_PROGRAM_FILE],
  [['/usr/lib/kdumpling/kdumpling', 'show'], PROGRAM_FILE],
  [['/usr/lib/kdumpling/kdumpling'], PROGRAM_FILE],
  [['kdumpling', 'dump', '-d31', '-z', '-', 'out'], DUMP_PROGRAM_FILE],
  [['kdumpling', 'dump', '-d', '11,31', '--num-threads=2', '-f', 'a', 'b'], DUMP_PROGRAM_FILE],
  [['kdumpling', 'dump', '-lL5m', 'a', 'b'], PROGRAM_FILE],
  [['kdumpling', 'dump', '--', 'a', 'b'], PROGRAM_FILE],
  [['kdumpling', 'dump', '-h'], PROGRAM_FILE],
  // It has no such verb, and says so.
  [['/usr/lib/kdumpling/kdump_helper', 'dump'], PROGRAM_FILE],
])('%j is %s', (words, program) => {
  expect(programFor(['node', ...words])).toBe(program);
});

test('the program for plain dumps gets no flag that it knows nothing about', () => {
  const plain = Object.entries<OptionFacts>(DUMP_OPTIONS).filter(([name, { short }]) =>
    [`--${name}`, `--${name}=1`, ...(short ? [`-${short}`] : [])].some(
      flag => programFor(['node', 'kdumpling', 'dump', flag]) === DUMP_PROGRAM_FILE,
    ),
  );
  const names = [
    'dump-level',
    'num-threads',
    'message-level',
    'show-stats',
    'debug',
    'non-mmap',
    'force',
    'version',
  ];
  expect(plain.map(([name]) => name).sort()).toEqual([...names, ...CODEC_NAMES].sort());
});
