import { expect, test } from 'vitest';
import { buildErrors } from '../../../../build/fetch/build-tree.ts';

test('a build that failed is described by its errors, not by the warnings before them', () => {
  const stderr = [
    'warning: the compiler differs from the one used to build the kernel',
    '  The kernel was built by: gcc 12',
    '  You are using:           gcc 13',
    'lab.c:3:2: error: unknown type name ‘u99’',
    'make[1]: *** [lab.o] Error 1',
  ].join('\n');
  expect(buildErrors(stderr)).toBe(
    'lab.c:3:2: error: unknown type name ‘u99’ | make[1]: *** [lab.o] Error 1',
  );
});

test('without an error that is known, the first lines', () => {
  expect(buildErrors('chroot: cannot change root\n')).toBe('chroot: cannot change root');
  expect(buildErrors('')).toBe('');
});
