import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const MODULE = join(import.meta.dirname, '../../../../qemu/machine/priority.ts');

/** Starts a program in a session of its own, as the lab starts QEMU, and prints its group before and after. */
const PROGRAM = `
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { shareGroupNice } from ${JSON.stringify(MODULE)};
const child = spawn('sleep', ['60'], { detached: true });
const nice = () => readFileSync('/proc/' + child.pid + '/autogroup', 'utf8').trim().split(' ').at(-1);
const before = nice();
shareGroupNice(child.pid);
console.log(before, nice());
child.kill();
`;

test.runIf(existsSync('/proc/self/autogroup'))('QEMU has the priority that the lab was given', () => {
  const command = 'echo 5 > /proc/self/autogroup && exec "$0" --input-type=module -e "$1"';
  const output = execFileSync('setsid', ['-w', 'bash', '-c', command, process.execPath, PROGRAM], {
    encoding: 'utf8',
  });
  expect(output.trim()).toBe('0 5');
});
