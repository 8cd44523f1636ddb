import { expect, test } from 'vitest';
import { SystemError } from '../../../capture/errors.ts';
import { openKexec } from '../../../capture/ffi/kexec.ts';
import { openFfi } from '../../../capture/ffi/library.ts';

/** A real call: which errno comes back is this kernel's business (no kexec here, no such file, not permitted). */
test('a refusal by the kernel becomes an error with its meaning', () => {
  const kexec = openKexec(openFfi());
  let error: unknown;
  try {
    kexec.loadCrash(-1, -1, 'x');
  } catch (caught) {
    error = caught;
  }
  expect(error).toBeInstanceOf(SystemError);
  expect((error as SystemError).message).toMatch(/^Cannot load the crash kernel: .+ \[errno=\d+\]$/);
  expect((error as SystemError).facts.errno).toBeGreaterThan(0);
});
