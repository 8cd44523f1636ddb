/** The kernel log and the manifest of a crash against what its trigger promises. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { Judges } from '../../../../qemu/expect/check.ts';
import { panicOfTrigger } from '../../../../qemu/expect/expectations.ts';
import { triggerOf } from '../../../../qemu/lab/options.ts';
import type { CrashRun } from '../../../../qemu/run/run.ts';

const root = mkdtempSync(join(tmpdir(), 'kdumpling-panic-'));
afterAll(() => rmSync(root, { recursive: true }));

const trigger = triggerOf('sysrq-c');
const PANIC = 'Kernel panic - not syncing: sysrq triggered crash';
const CALLS = trigger.frames.map(name => `[    9.1]  ${name}+0x12/0x20`).join('\n');
const LOG = `[    9.0] ${PANIC}\n${CALLS}\n`;

async function holds(log: string, reason?: string | null): Promise<boolean> {
  const dump = mkdtempSync(join(root, 'dump-'));
  writeFileSync(join(dump, 'vmcore-dmesg.txt'), log);
  if (reason !== undefined)
    writeFileSync(join(dump, 'manifest.json'), JSON.stringify({ crash: reason === null ? {} : { reason } }));
  const [check] = await panicOfTrigger({ dumps: [dump], trigger } as unknown as CrashRun, {} as Judges);
  return check!.holds;
}

test.each([
  ['log and manifest', LOG, PANIC, true],
  ['a program that was ended before it wrote a manifest', LOG, undefined, true],
  ['a manifest with another cause', LOG, 'Kernel panic - not syncing: something else', false],
  ['a manifest without a cause', LOG, null, false],
  ['another panic in the log', LOG.replace('sysrq triggered', 'another'), PANIC, false],
  ['a call trace without the trigger', `[    9.0] ${PANIC}\n`, PANIC, false],
])('%s', async (_, log, reason, wanted) => {
  expect(await holds(log, reason)).toBe(wanted);
});
