/** What system calls get, and what busybox gets where they fail. Nothing here can succeed on the machine that runs it. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Libc } from '../../../capture/ffi/libc.ts';
import { openSystem } from '../../../capture/init/system.ts';

let directory: string;
let module: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'kdumpling-system-'));
  module = join(directory, 'no-module.ko');
  writeFileSync(module, 'no module');
});
afterAll(() => rmSync(directory, { recursive: true }));

/** @param refuses whether each call throws. */
function open(refuses = false) {
  const calls: unknown[][] = [];
  const warnings: string[] = [];
  const call =
    (name: string) =>
    (...args: unknown[]) => {
      calls.push([name, ...args]);
      if (refuses) throw new Error('refused');
    };
  const libc = {
    mount: call('mount'),
    umount: call('umount'),
    finitModule: (_: number, parameters: string) => call('finitModule')(parameters),
    reboot: call('reboot'),
  } as unknown as Libc;
  return { system: openSystem(libc, text => warnings.push(text)), calls, warnings };
}

test('mount options are flags, or data of the file system', () => {
  const { system, calls } = open();
  const options = ['rw', 'nosuid', 'nodev', 'errors=remount-ro', 'subvol=@'];
  system.mount({ source: '/dev/vda', target: '/target', fstype: 'btrfs', options });
  expect(calls).toEqual([['mount', '/dev/vda', '/target', 'btrfs', 2 | 4, 'errors=remount-ro,subvol=@']]);
});

describe('the parameters of a module', () => {
  const parameters = ['a=1', 'b="c d"', 'debug'];

  test.each([
    [parameters, 'a=1 b="c d" debug'],
    [[], ''],
  ])('%j reach the kernel as one string', (given, text) => {
    const { system, calls } = open();
    system.loadModule(module, given);
    expect(calls).toEqual([['finitModule', text]]);
  });

  test('reach busybox where the system call fails, a word each', () => {
    const { system, warnings } = open(true);
    expect(() => system.loadModule(module, parameters)).toThrow(
      `run busybox insmod ${module} a=1 b="c d" debug: `,
    );
    expect(warnings[0]).toBe('load a module by system call: refused');
  });
});

test.each([
  ['reboot', 0x01234567],
  ['halt', 0xcdef0123],
  ['poweroff', 0x4321fedc],
] as const)('%s is a command of reboot(2)', (action, command) => {
  const { system, calls } = open();
  system.shutDown(action);
  expect(calls).toEqual([['reboot', command]]);
});
