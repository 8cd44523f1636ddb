import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { HUNG_BOOT, LostMachine } from '../../../../qemu/machine/machine.ts';
import { bootTwiceAtMost } from '../../../../qemu/run/boot-again.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'kdumpling-boot-'));
  vi.spyOn(console, 'error').mockImplementation(() => {});
});
afterEach(() => {
  rmSync(directory, { recursive: true });
  vi.restoreAllMocks();
});

/** Ends as the codes say, one boot after another; then the machine runs to its end. */
function machine(...codes: string[]): () => Promise<string> {
  let boot = 0;
  return async () => {
    writeFileSync(join(directory, 'serial.log'), `boot ${++boot}`);
    const code = codes.shift();
    if (code) throw new LostMachine(code, { action: 'run it', actual: code }, directory);
    return `ended in boot ${boot}`;
  };
}

test('a machine whose kernel hung in its boot is booted once more, and both logs are kept', async () => {
  expect(await bootTwiceAtMost(directory, machine(HUNG_BOOT))).toBe('ended in boot 2');
  expect(readFileSync(join(directory, 'hung-boot.log'), 'utf8')).toBe('boot 1');
  expect(readFileSync(join(directory, 'serial.log'), 'utf8')).toBe('boot 2');
});

test('one that hangs twice is lost', async () => {
  const lost = bootTwiceAtMost(directory, machine(HUNG_BOOT, HUNG_BOOT));
  await expect(lost).rejects.toMatchObject({ code: HUNG_BOOT });
});

test.each(['LOST_MACHINE', 'INTERRUPTED'])('a machine that ends as %s is not booted again', async code => {
  await expect(bootTwiceAtMost(directory, machine(code))).rejects.toMatchObject({ code });
  expect(readdirSync(directory)).toEqual(['serial.log']);
});
