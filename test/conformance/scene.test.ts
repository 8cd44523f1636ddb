/** The autopsy that a capture writes before the dump, of real kernels: what it needs, what it says, and that the report reads it. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundle } from '../../build/bundle.ts';
import { NODE_BINARY, PROJECT } from '../../build/paths.ts';
import { AUTOPSY_JSON, AUTOPSY_TEXT, present } from '../../capture/autopsy/summary/autopsy.ts';
import { AUTOPSY_FLAGS, autopsist } from '../../capture/scene/child.ts';
import { panickingStack } from '../../qemu/expect/printed-stack.ts';
import { differenceFromPrinted } from '../../qemu/judges/printed-stack.ts';
import { parseAutopsy } from '../../scripts/lib/dumps/autopsy-schema.ts';
import { findDump } from '../../scripts/lib/dumps/find-dump.ts';
import { kernelLogText } from '../../scripts/lib/dumps/kernel-log.ts';
import { openHost } from '../../scripts/lib/host/host.ts';
import { reportDump } from '../../scripts/lib/report/dump-report.ts';
import { vmcoreOf, wantedForeignKernels, wantedKernels } from './vmcores.ts';

/** capture/flow/autopsy.ts begins with 48 MiB available. */
const MOST_ANONYMOUS_BYTES = 34 << 20;

let root: string;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'kdumpling-scene-'));
  const entry = join(PROJECT, 'capture/scene/main.ts');
  await bundle({ entry, output: join(root, 'autopsy.js'), version: 'test' });
});
afterAll(() => rmSync(root, { recursive: true }));

function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

/** Runs the program as PID 1 does. Returns what it wrote, and the most memory of its own that was seen. */
function autopsyOf(kernel: string) {
  const directory = join(root, kernel);
  const program = autopsist({
    node: [NODE_BINARY],
    flags: AUTOPSY_FLAGS,
    program: join(root, 'autopsy.js'),
    vmcorePath: vmcoreOf(kernel).vmcore,
    directory,
    discard() {},
  });
  const running = program.start(false);
  let anonymousBytes = 0;
  while (running.isRunning()) {
    running.begin(MOST_ANONYMOUS_BYTES);
    anonymousBytes = Math.max(anonymousBytes, running.anonymousBytes());
    sleep(5);
  }
  return { anonymousBytes, result: running.result(), text: running.read('text'), json: running.read('json') };
}

describe.each([...wantedKernels(), ...wantedForeignKernels()])('%s', kernel => {
  test('some KB of text and JSON in little memory, and a report without the dump says what it says with it', () => {
    const { anonymousBytes, result, text, json } = autopsyOf(kernel);
    expect(result).toMatchObject({ state: 'saved', class: 'sysrq' });
    expect(anonymousBytes).toBeGreaterThan(8 << 20);
    expect(anonymousBytes).toBeLessThan(MOST_ANONYMOUS_BYTES);
    for (const file of [text, json]) expect(file.length).toBeLessThan(100_000);
    expect(text).toMatch(/class {4}sysrq\n[\s\S]*sysrq_handle_crash\+0x/);
    const autopsy = parseAutopsy(json)!;
    expect(autopsy).toEqual(JSON.parse(json));
    expect(present(autopsy.stacks)!.length).toBeGreaterThan(10);

    const log = kernelLogText(openHost(), findDump(openHost(), vmcoreOf(kernel).vmcore), () => {});
    const asPrinted = differenceFromPrinted(log.split('\n'), panickingStack(autopsy)!);
    expect(asPrinted).toEqual({ printed: expect.any(Number) });

    const lost = join(root, `${kernel}-lost`);
    mkdirSync(lost);
    for (const [name, content] of [
      ['vmcore-dmesg.txt', 'a log without a crash\n'],
      [AUTOPSY_TEXT, text],
      [AUTOPSY_JSON, json],
    ] as const)
      writeFileSync(join(lost, name), content);
    const host = openHost();
    const whole = reportDump(host, findDump(host, vmcoreOf(kernel).vmcore)).crash;
    const alone = reportDump(host, findDump(host, lost)).crash;
    expect(alone.stackFrom).toBe('autopsy');
    for (const member of ['class', 'blame', 'task', 'trace'] as const)
      expect(alone[member]).toEqual(whole[member]);
    expect(readFileSync(join(lost, AUTOPSY_TEXT), 'utf8')).toContain('\nTasks by stack\n');
  });
});
