/**
 * `kdumpling import-config` with the files that the other programs ship: Debian's from its package, and those of Fedora and
 * SUSE that somebody put into the cache (test/README.md, "Files of other systems"). sh is the judge of the values.
 */
import { spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openCache } from '../../build/cache.ts';
import { discard, downloadPackages, openApt, resolvePackage } from '../../build/fetch/apt.ts';
import { unpackDeb } from '../../build/fetch/deb.ts';
import { settingsOf } from '../../scripts/lib/config/config.ts';
import { importConfig } from '../../scripts/lib/config/import/import.ts';
import { lastAssignments } from '../../scripts/lib/config/import/shell-values.ts';
import { hostWith } from '../support/host-root.ts';

const SHIPPED = './usr/share/kdump-tools/kdump-tools.conf';

const cache = openCache();
const real = join(cache.dir, 'real');

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kdumpling-import-'));
  const apt = await openApt(cache, 'bookworm');
  const debs = await downloadPackages(apt, [await resolvePackage(apt, 'kdump-tools')]);
  await unpackDeb(debs[0]!, folder, [SHIPPED]);
  await discard(debs);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Every name of the file as sh has it after sourcing the file. */
function bySh(text: string, names: readonly string[]): string[] {
  const file = join(folder, 'sourced');
  writeFileSync(file, text);
  const print = names.map(name => `printf '%s\\0' "$${name}"`).join('; ');
  const { stdout } = spawnSync('sh', ['-c', `. "${file}"; ${print}`], { encoding: 'utf8' });
  return stdout.split('\0').slice(0, -1);
}

/** Every comment that shows a setting is one: what users uncomment. */
const uncommented = (text: string) => text.replace(/^#(?=[A-Z_]+=)/gm, '');

function check(path: string, text: string): readonly string[] {
  const assignments = lastAssignments(text);
  const names = assignments.map(({ name }) => name);
  expect(names.length).toBeGreaterThan(3);
  expect(assignments.map(({ value }) => value)).toEqual(bySh(text, names));
  const { lines, settings } = importConfig(hostWith({ [path]: text }));
  const unknown = settings.filter(
    ({ outcome }) => outcome.kind === 'left out' && /does not know it/.test(outcome.why),
  );
  expect(unknown).toEqual([]);
  expect(() => settingsOf(lines.join('\n'), path)).not.toThrow();
  return lines;
}

describe('Debian’s /etc/default/kdump-tools', () => {
  const shipped = () => readFileSync(join(folder, SHIPPED), 'utf8');

  test('as it is shipped', () => {
    expect(check('/etc/default/kdump-tools', shipped())).toEqual(['path /var/crash']);
  });

  test('with every setting that it shows', () => {
    expect(check('/etc/default/kdump-tools', uncommented(shipped()))).toEqual([
      'path /var/crash',
      'failure_action reboot',
      'command_line_append usbcore.nousb',
      'core_collector makedumpfile -c -d 31',
    ]);
  });
});

const sysconfigs = globSync('sysconfig-kdump-*', { cwd: real });
test.skipIf(sysconfigs.length === 0).each(sysconfigs)('%s', name => {
  const text = readFileSync(join(real, basename(name)), 'utf8');
  expect(check('/etc/sysconfig/kdump', text).length).toBeGreaterThan(0);
});
