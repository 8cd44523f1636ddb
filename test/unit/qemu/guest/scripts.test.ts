/** The guest's scripts run in machines only; what a shell can say of them without one. */
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { findCommand } from '../../../../build/host/host-packages.ts';

const GUEST = join(import.meta.dirname, '../../../../qemu/guest');
const busybox = findCommand('busybox');

test.skipIf(!busybox).each(readdirSync(GUEST).filter(name => name.endsWith('.sh')))(
  '%s is a script that the guest’s shell reads',
  name => {
    const argv = ['sh', '-n', join(GUEST, name)];
    expect(execFileSync(busybox!, argv, { encoding: 'utf8' })).toBe('');
  },
);
