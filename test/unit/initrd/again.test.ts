/** What a process does that called code which the image's Node lacks, run by the busybox that the image has. */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findCommand } from '../../../build/host/host-packages.ts';
import { PROJECT } from '../../../build/paths.ts';

const BUSYBOX = findCommand('busybox')!;
const AGAIN = readFileSync(join(PROJECT, 'initrd/again.sh'), 'utf8');

let directory: string;
const path = (name: string) => join(directory, name);
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'kdumpling-again-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

test('a helper process ends, and says why', () => {
  writeFileSync(path('kmsg'), '');
  const script = AGAIN.replaceAll('/dev/kmsg', path('kmsg'));
  const { status } = spawnSync(BUSYBOX, ['sh', '-c', script]);
  expect(status).toBe(70);
  expect(readFileSync(path('kmsg'), 'utf8')).toBe(
    '<4>kdumpling: early: a helper process called a part of Node that the image lacks, and ends\n',
  );
});

/** A process of each kind, as directories in the place of /proc. */
test('the helpers are ended, and neither the supervisor, nor the kernel’s threads, nor PID 1', async () => {
  const loop = /^for process in \/proc.*?^done$/ms.exec(AGAIN)![0];
  const sleepers = Array.from({ length: 4 }, () => spawn('sleep', ['600']));
  const [helper, supervisor, kernelThread, init] = sleepers.map(({ pid }) => `${pid}`);
  const proc = (pid: string, score: string, exe?: string) => {
    mkdirSync(path(`proc/${pid}`), { recursive: true });
    writeFileSync(path(`proc/${pid}/oom_score_adj`), `${score}\n`);
    if (exe) symlinkSync(exe, path(`proc/${pid}/exe`));
  };
  try {
    proc(helper!, '0', BUSYBOX);
    proc(supervisor!, '-1000', BUSYBOX);
    proc(kernelThread!, '0');
    proc(init!, '0', BUSYBOX);
    const ended = new Promise(resolve => sleepers[0]!.on('exit', (_, signal) => resolve(signal)));
    const lines = loop.replaceAll('/proc/', `${path('proc')}/`).replace('"$pid" = 1', `"$pid" = ${init}`);
    execFileSync(BUSYBOX, ['sh', '-c', lines]);
    expect(await ended).toBe('SIGKILL');
    expect(sleepers.slice(1).map(({ exitCode, signalCode }) => exitCode ?? signalCode)).toEqual([
      null,
      null,
      null,
    ]);
  } finally {
    for (const sleeper of sleepers) sleeper.kill();
  }
});

test('the supervisor keeps what the program told it about the end, and waits again for the start', () => {
  writeFileSync(path('progress'), '412 0 900 o 17 dump            \n');
  const lines = /^read -r counter.*?> \$progress$/ms.exec(AGAIN)![0];
  execFileSync(BUSYBOX, ['sh', '-c', `progress=${path('progress')} patience=300\n${lines}`]);
  expect(readFileSync(path('progress'), 'utf8')).toBe('413 300 900 o 17 start\n');
});

test('what the first start mounted is unmounted, the innermost first', () => {
  const leave = /^leave\(\) \{.*?^\}$/ms.exec(AGAIN)![0];
  const mounts = ['/dev/vda /target ext4', '/dev/loop0 /runtime squashfs', 'x /targets y', 'a /target/b c'];
  writeFileSync(path('mounts'), mounts.map(line => `${line} rw 0 0\n`).join(''));
  const bb = `#!/bin/sh
if [ "$1" = umount ]; then
  echo "$2" >> ${path('umounted')}
  exec ${BUSYBOX} sed -i "\\\\# $2 #d" ${path('mounts')}
fi
exec ${BUSYBOX} "$@"
`;
  writeFileSync(path('bb'), bb, { mode: 0o755 });
  mkdirSync(dirname(path('x')), { recursive: true });
  const script = `bb=${path('bb')}\n${leave.replaceAll('/proc/mounts', path('mounts'))}\nleave /target`;
  execFileSync(BUSYBOX, ['sh', '-c', script]);
  expect(readFileSync(path('umounted'), 'utf8')).toBe('/target/b\n/target\n');
});
