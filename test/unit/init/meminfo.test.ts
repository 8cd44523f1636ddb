import { expect, test } from 'vitest';
import { describeMemory } from '../../../capture/init/meminfo.ts';

test.each([
  [
    'MemTotal:         156180 kB\nMemFree:          23776 kB\nMemAvailable:      80004 kB\n',
    '78 of 153 MiB of memory available',
  ],
  ['', '? of ? MiB of memory available'],
])('%j', (meminfo, text) => expect(describeMemory(meminfo)).toBe(text));
