import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { findCommand } from '../../../build/host/host-packages.ts';
import { shellBanner } from '../../../capture/init/shell-banner.ts';

const FACTS = { reason: 'dump: ENOSPC', finalAction: 'reboot' } as const;

test('the saved files are named', () => {
  const lines = shellBanner({ ...FACTS, mountpoint: '/target', directory: '/var/crash/20261126T110000Z' });
  expect(lines[0]).toContain('dump: ENOSPC');
  expect(lines[1]).toContain('what was saved is in /target/var/crash/20261126T110000Z');
  expect(lines.at(-1)).toBe('"exit" ends the shell; final action: reboot');
});

test.each([
  ['nothing was saved', { mountpoint: '/target' }],
  ['the target is not mounted', {}],
  ['they are on a target that is not mounted', { directory: '/dev/vdb1' }],
])('%s: three commands, all of which the image’s busybox has', (_, where) => {
  const lines = shellBanner({ ...FACTS, mountpoint: undefined, ...where });
  const tried = lines.flatMap(line => /^try: (.*?)(?: {2}|$)/.exec(line)?.[1] ?? []);
  expect(tried).toHaveLength(3);
  const applets = execFileSync(findCommand('busybox')!, ['--list'], { encoding: 'utf8' }).split('\n');
  for (const command of tried.flatMap(text => text.split(/[;|] /))) {
    expect(applets).toContain(command.trim().split(' ')[0]);
  }
});
