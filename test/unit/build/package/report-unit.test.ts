/** The sandbox of the unit that reports crashes: it reads dumps, which whoever crashed the machine may have written. */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findCommand } from '../../../../build/host/host-packages.ts';
import { settingsOf } from '../../../../scripts/lib/config/config.ts';
import { removeReportUnit, writeReportUnit } from '../../../../scripts/lib/storage/report-unit.ts';
import { hostWith, textOf } from '../../../support/host-root.ts';

const NAME = 'kdumpling-report.service';
const UNIT = join(import.meta.dirname, '../../../../build/package/files', NAME);
const NETWORK = `/etc/systemd/system/${NAME}.d/network.conf`;
const MACHINE = {
  [`/usr/lib/systemd/system/${NAME}`]: '',
  '/proc/self/mountinfo': '21 1 254:1 / / rw - ext4 /dev/vda1 rw\n',
  '/dev/vda1': '',
};

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kdumpling-unit-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** systemd's own figure, from 0 (nothing is open) to 10. */
function exposure(dropIn?: string): number {
  cpSync(UNIT, join(folder, NAME));
  if (dropIn !== undefined) {
    mkdirSync(join(folder, `${NAME}.d`));
    writeFileSync(join(folder, `${NAME}.d/network.conf`), dropIn);
  }
  const { stdout, stderr } = spawnSync(
    'systemd-analyze',
    ['security', '--offline=true', '--no-pager', join(folder, NAME)],
    { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } },
  );
  const [, figure] = /Overall exposure level for \S+: ([\d.]+)/.exec(stdout + stderr) ?? [];
  return Number(figure);
}

function networkDropIn(config: string): string | undefined {
  const host = hostWith(MACHINE);
  writeReportUnit(host, settingsOf(config, 'kdump.conf'));
  return host.read(NETWORK);
}

describe.skipIf(!findCommand('systemd-analyze'))('systemd-analyze security', () => {
  test('the packaged unit, which was 9.6 without a sandbox', () => {
    expect(exposure()).toBeGreaterThan(0);
    expect(exposure()).toBeLessThanOrEqual(2);
  });

  test('with the network for notify_url', () => {
    const without = exposure();
    const figure = exposure(networkDropIn('notify_url https://hooks.example/x\n'));
    expect(figure).toBeGreaterThan(without);
    expect(figure).toBeLessThanOrEqual(3);
  });
});

test('V8 compiles, disks have names, and state is written: what a sandbox must leave open', () => {
  const unit = readFileSync(UNIT, 'utf8');
  expect(unit).not.toMatch(/^(MemoryDenyWriteExecute|PrivateDevices|ProcSubset|PrivateUsers)=/m);
  expect(unit).toMatch(/^StateDirectory=kdumpling$/m);
  expect(unit).toMatch(/^DeviceAllow=block-\* r$/m);
  expect(unit).toMatch(/^RestrictAddressFamilies=.*AF_INET AF_INET6 AF_NETLINK/m);
});

test('the network is open only where kdump.conf has notify_url', () => {
  expect(networkDropIn('path /var/crash\n')).toBeUndefined();
  expect(networkDropIn('notify_url https://hooks.example/x\n')).toMatch(
    /^PrivateNetwork=no\nIPAddressDeny=$/m,
  );
  const host = hostWith(MACHINE);
  writeReportUnit(host, settingsOf('notify_url https://hooks.example/x\n', 'kdump.conf'));
  expect(textOf(host, NETWORK)).not.toContain('hooks.example');
  writeReportUnit(host, settingsOf('', 'kdump.conf'));
  expect(host.exists(NETWORK)).toBe(false);
  removeReportUnit(host);
  expect(host.list('/etc/systemd/system')).toEqual([]);
});
