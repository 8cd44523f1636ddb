/** What several parts ask of a kernel is read once, and what failed is tried again. */
import { expect, test, vi } from 'vitest';
import { inspect } from '../../../capture/autopsy/inspection.ts';
import { openAutopsy } from '../../../capture/autopsy/open.ts';
import { once } from '../../../capture/autopsy/remember.ts';
import { openVmcore } from '../../../capture/vmcore/open.ts';
import { crashedKernel } from '../../support/crashed-kernel.ts';
import { MemorySource } from '../../support/vmcore-builder.ts';

test.each(['tasks', 'waits', 'meminfo'] as const)('%s', what => {
  const kernel = openAutopsy(openVmcore(new MemorySource(crashedKernel().build())));
  const inspection = inspect(kernel);
  const reads = vi.spyOn(kernel.memory, 'readVirtualUpTo');
  const first = inspection[what]();
  expect(reads.mock.calls.length).toBeGreaterThan(0);
  reads.mockClear();
  expect(inspection[what]()).toBe(first);
  expect(reads).not.toHaveBeenCalled();
});

test('what was not found is looked for again, and undefined is an answer, too', () => {
  const find = vi.fn<() => number | undefined>();
  find.mockImplementationOnce(() => {
    throw new Error('not yet');
  });
  find.mockReturnValue(undefined);
  const ask = once(find);
  expect(ask).toThrow('not yet');
  expect([ask(), ask()]).toEqual([undefined, undefined]);
  expect(find).toHaveBeenCalledTimes(2);
});
