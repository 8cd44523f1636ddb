import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { openLibc } from '../../../capture/ffi/libc.ts';
import { openFfi } from '../../../capture/ffi/library.ts';
import { lockOwnPages, mappedFiles } from '../../../capture/init/own-pages.ts';

const MAPS = `00400000-0074a000 r--p 00000000 07:00 5                                  /runtime/bin/node
0074a000-03042000 r-xp 0034a000 07:00 5                                  /runtime/bin/node
1c000000-1d000000 rw-p 00000000 00:00 0                                  [heap]
7f64f0000000-7f64f0021000 rw-p 00000000 00:00 0
7f6538000000-7f6538100000 r--s 00000000 00:05 12                         /dev/zero
7ffc08700000-7ffc087c0000 rw-p 00000000 00:00 0                          [stack]
7ffff7fc1000-7ffff7fc3000 r-xp 00000000 00:00 0                          [vdso]
ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]
`;

test('files, and neither anonymous memory nor devices', () => {
  expect(mappedFiles(MAPS)).toEqual([
    { start: 0x400000n, end: 0x74a000n },
    { start: 0x74a000n, end: 0x3042000n },
  ]);
});

test.each(['', 'garbage\n'])('%j has none', text => expect(mappedFiles(text)).toEqual([]));

test('the kernel takes it for this very process, which goes on', () => {
  const libc = openLibc(openFfi());
  lockOwnPages(readFileSync('/proc/self/maps', 'utf8'), libc);
  const lockedKib = () => Number(/^VmLck:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'))![1]);
  expect(lockedKib()).toBeGreaterThan(50_000);
  // Garbage collection, which gives memory back: it must not be locked.
  for (let i = 0; i < 200; i++) new Array(100_000).fill(i);
});
