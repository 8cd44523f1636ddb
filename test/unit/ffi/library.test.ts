import { join } from 'node:path';
import { expect, test } from 'vitest';
import { SystemError } from '../../../capture/errors.ts';
import { ffiCandidates, openFfi, openLibrary } from '../../../capture/ffi/library.ts';

test('opens the FFI of the packages and calls libc through it', () => {
  const ffi = openFfi();
  const getpid = openLibrary(ffi, ['libc.so.6']).func('int getpid()');
  expect(getpid()).toBe(process.pid);
});

test('the addon beside the program comes first, and the working directory is not searched', () => {
  const candidates = ffiCandidates();
  expect(candidates[0]).toMatch(/\/koffi\.node$/);
  expect(candidates[0]).not.toContain('node_modules/@koromix');
  const candidatesElsewhere = () => {
    const argv1 = process.argv[1];
    process.argv[1] = '/init';
    try {
      return ffiCandidates();
    } finally {
      process.argv[1] = argv1;
    }
  };
  expect(candidatesElsewhere()[0]).toBe('/koffi.node');
});

test('names every path that it tried', () => {
  const paths = ['/nowhere/a.node', '/nowhere/b.node'];
  expect(() => openFfi(paths)).toThrow(SystemError);
  expect(() => openFfi(paths)).toThrow(
    /a\.node .*b\.node .*wanted|a\.node .*b\.node .*koffi\.node for linux/s,
  );
});

test('falls through to the next candidate', () => {
  const real = ffiCandidates();
  expect(openFfi([join('/nowhere', 'koffi.node'), ...real]).path).not.toContain('nowhere');
});

test('a missing library is named', () => {
  expect(() => openLibrary(openFfi(), ['libnone.so.9', 'libnone.so.8'])).toThrow(
    /libnone\.so\.9.*libnone\.so\.8/,
  );
});

test('two FFIs work side by side', () => {
  const pids = [openFfi(), openFfi()].map(ffi => openLibrary(ffi, ['libc.so.6']).func('int getpid()')());
  expect(pids).toEqual([process.pid, process.pid]);
});
