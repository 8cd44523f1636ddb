import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { watchBoot } from '../../../../qemu/machine/boot-watch.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const BOOT = { until: /^lab: /, silentSeconds: 10 };

test('a boot that prints is let go on, however long it takes', () => {
  const onHang = vi.fn();
  const watch = watchBoot(BOOT, onHang);
  for (let line = 0; line < 20; line++) {
    vi.advanceTimersByTime(9_000);
    watch.onLine(`[    0.${line}] hpet0`);
  }
  expect(onHang).not.toHaveBeenCalled();
  expect(watch.hung()).toBeUndefined();
});

test('a boot that falls silent hangs, and its last line is named', () => {
  const onHang = vi.fn();
  const watch = watchBoot(BOOT, onHang);
  watch.onLine('[    1.9] hpet0: 3 comparators');
  vi.advanceTimersByTime(10_000);
  watch.onLine('what came out after its end');
  expect(onHang).toHaveBeenCalledOnce();
  expect(watch.hung()).toBe('its kernel printed nothing for 10 s after "[    1.9] hpet0: 3 comparators"');
});

test('after the boot the machine may be silent: a capture may have no console', () => {
  const onHang = vi.fn();
  const watch = watchBoot(BOOT, onHang);
  watch.onLine('lab: fsck clean');
  vi.advanceTimersByTime(100_000);
  watch.onLine('[    0.0] Linux version');
  vi.advanceTimersByTime(100_000);
  expect(onHang).not.toHaveBeenCalled();
});

test('a machine that ended is not watched', () => {
  const onHang = vi.fn();
  watchBoot(BOOT, onHang).end();
  vi.advanceTimersByTime(100_000);
  expect(onHang).not.toHaveBeenCalled();
});
