/**
 * A fleet's reports as a table: scripts/deploy/fleet.sql with DuckDB over the lab's real crashes on many machines, counted
 * here once more from the list of crashes; and what `upload` and `notify_url` store on a real server.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { notify } from '../../scripts/lib/announce/notify.ts';
import { runCommand } from '../../scripts/lib/cli/command.ts';
import { upload } from '../../scripts/verbs/upload.ts';
import { type Fleet, openFleet, type Row } from '../fleet/query.ts';
import {
  BROUGHT,
  type FleetCrash,
  fleetCrashes,
  KERNELS,
  ODD_HOSTS,
  reportOfCrash,
  writeFleet,
} from '../fleet/sample.ts';
import { type Nginx, startNginx } from '../support/nginx.ts';

const REPORTS = 12_000;

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'kdumpling-fleet-test-'));
});
afterAll(() => rmSync(dir, { recursive: true }));

describe(`${REPORTS} reports`, () => {
  const crashes = fleetCrashes(REPORTS);
  const signatures = new Map<string, string>();
  let fleet: Fleet;
  beforeAll(async () => {
    writeFleet(join(dir, 'fleet'), crashes);
    for (const crash of crashes)
      if (!signatures.has(crash.log)) signatures.set(crash.log, reportOfCrash(crash).signature);
    fleet = await openFleet(join(dir, 'fleet/*/*/*.json'));
  });
  afterAll(() => fleet.close());

  const signatureOf = ({ log }: FleetCrash) => signatures.get(log)!;
  const timed = (list: readonly FleetCrash[]) =>
    list.filter(({ isUnset }) => !isUnset).map(({ time }) => time.getTime());
  const text = (ms: number) => new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
  const firstSeen = (list: readonly FleetCrash[]) => text(Math.min(...timed(list)));
  const lastSeen = (list: readonly FleetCrash[]) => text(Math.max(...timed(list)));
  /** Machines without a name cannot be counted. */
  const machines = (list: readonly FleetCrash[]) =>
    new Set(list.map(({ host }) => host).filter(host => host !== undefined)).size;
  const different = (values: readonly string[]) => new Set(values).size;
  const grouped = (key: (crash: FleetCrash) => string) => Map.groupBy(crashes, key);
  const sorted = (rows: readonly Row[]) => rows.map(row => JSON.stringify(row)).sort();

  test('every report is a row, with all that the views need', async () => {
    const [row] = await fleet.query(
      'SELECT count(*) AS n, count(host) AS named, count(DISTINCT host) AS hosts, count(crashed) AS timed, count(kernel) AS kernels, count(class) AS classes, count(signature) AS signatures FROM crashes',
    );
    expect(row).toEqual({
      n: REPORTS,
      named: crashes.filter(({ host }) => host !== undefined).length,
      hosts: machines(crashes),
      timed: timed(crashes).length,
      kernels: REPORTS,
      classes: REPORTS,
      signatures: REPORTS,
    });
    expect(row!.timed).toBeLessThan(REPORTS);
  });

  test('hosts with hostile names are in it under their own', async () => {
    const rows = await fleet.query('SELECT DISTINCT host FROM crashes');
    for (const host of ODD_HOSTS) expect(rows.map(row => row.host)).toContain(host);
  });

  test('the partitions say what the reports say', async () => {
    const [row] = await fleet.query(
      `SELECT count(*) AS n FROM read_json('${dir}/fleet/*/*/*.json', hive_partitioning = false, filename = true,
        columns = {signature: 'VARCHAR', "when": 'STRUCT(crashed VARCHAR)'})
       WHERE filename LIKE '%/date=' || substr("when".crashed, 1, 10) || '/signature=' || signature || '/%'`,
    );
    expect(row).toEqual({ n: REPORTS });
  });

  test('by signature', async () => {
    const expected = [...grouped(signatureOf)].map(([signature, list]) => ({
      signature,
      crashes: list.length,
      machines: machines(list),
      kernels: different(list.map(({ kernel }) => kernel)),
      first_seen: firstSeen(list),
      last_seen: lastSeen(list),
    }));
    const rows = await fleet.query('SELECT * EXCLUDE (class, blame) FROM by_signature');
    expect(sorted(rows)).toEqual(sorted(expected));
    expect(rows.length).toBeGreaterThan(20);
    const [named] = await fleet.query(
      "SELECT class, blame FROM by_signature WHERE signature LIKE 'null-pointer-4c59%'",
    );
    expect(named).toEqual({ class: 'null-pointer', blame: 'labcrash_write [labcrash]' });
  });

  test('by kernel', async () => {
    const expected = [...grouped(({ kernel }) => kernel)].map(([kernel, list]) => ({
      kernel,
      crashes: list.length,
      machines: machines(list),
      signatures: different(list.map(signatureOf)),
      first_seen: firstSeen(list),
      last_seen: lastSeen(list),
    }));
    expect(sorted(await fleet.query('SELECT * FROM by_kernel'))).toEqual(sorted(expected));
    expect(expected.map(({ kernel }) => kernel).sort()).toEqual([...KERNELS]);
  });

  test('by week', async () => {
    const monday = (time: Date) => {
      const day = new Date(time);
      day.setUTCDate(day.getUTCDate() - ((day.getUTCDay() + 6) % 7));
      return day.toISOString().slice(0, 10);
    };
    const weeks = Map.groupBy(
      crashes.filter(({ isUnset }) => !isUnset),
      crash => [monday(crash.time), crash.kernel, signatureOf(crash)].join('|'),
    );
    const expected = [...weeks].map(([key, list]) => {
      const [week, kernel, signature] = key.split('|') as [string, string, string];
      return { week, kernel, signature, crashes: list.length, machines: machines(list) };
    });
    const rows = await fleet.query(
      "SELECT strftime(week, '%Y-%m-%d') AS week, kernel, signature, crashes, machines FROM by_week",
    );
    expect(sorted(rows)).toEqual(sorted(expected));
  });

  test('by machine', async () => {
    const named = grouped(({ host }) => host ?? '');
    named.delete('');
    const expected = [...named].map(([host, list]) => ({
      host,
      crashes: list.length,
      signatures: different(list.map(signatureOf)),
    }));
    const rows = await fleet.query('SELECT host, crashes, signatures FROM by_machine');
    expect(sorted(rows)).toEqual(sorted(expected));
  });

  test('what a kernel brought: the signatures that only it and later kernels have', async () => {
    const expected = Object.entries(BROUGHT).map(([log, index]) => {
      const list = crashes.filter(crash => crash.log === log && crash.kernel === KERNELS[index]);
      return {
        kernel: KERNELS[index]!,
        rolled_out: firstSeen(crashes.filter(({ kernel }) => kernel === KERNELS[index])),
        signature: signatures.get(log)!,
        crashes: list.length,
        machines: machines(list),
        first_seen: firstSeen(list),
      };
    });
    const rows = await fleet.query('SELECT * EXCLUDE (blame) FROM new_since_rollout');
    expect(sorted(rows)).toEqual(sorted(expected));
  });

  test('the file’s own answers, the largest first', () => {
    expect(fleet.answers.map(rows => rows.length)).toEqual([10, 3, 10, 10, 4]);
    const [worst] = fleet.answers[0]!;
    expect(worst).toMatchObject({ class: 'sysrq', kernels: 3 });
  });
});

describe('on a server', () => {
  let nginx: Nginx;
  beforeAll(async () => {
    nginx = await startNginx();
  });
  afterAll(() => nginx.stop());
  const { signal } = new AbortController();

  test('notify_url and upload put one report in one place, whatever the machine is called', async () => {
    const url = `${nginx.http}/dav/crashes/{hive}?sig=geheim`;
    const [crash] = fleetCrashes(1);
    for (const host of [...ODD_HOSTS, 'web7', undefined]) {
      const report = reportOfCrash({ ...crash!, host });
      await notify(url, report, signal);
      await notify(url, report, signal);
    }
    const fleet = await openFleet(`${nginx.folder}/dav/crashes/*/*/*.json`);
    const rows = await fleet.query('SELECT host, id, signature, class, kernel FROM crashes');
    fleet.close();
    expect(rows.map(({ host }) => host).sort()).toEqual([...ODD_HOSTS, 'web7', null].sort());
    const { id, signature } = reportOfCrash(crash!);
    for (const row of rows) expect(row).toMatchObject({ id, signature, class: 'sysrq', kernel: KERNELS[0] });
    const requests = (await nginx.log()).filter(({ uri }) => uri.startsWith('/dav/crashes/'));
    expect(requests.length).toBe(2 * (ODD_HOSTS.length + 2));
    expect(requests.every(({ method, status }) => method === 'PUT' && /^20[14]$/.test(status))).toBe(true);
    expect(requests.map(({ uri }) => uri)).toContain(
      `/dav/crashes/date=2026-06-01/signature=${signature}/web7-20260601T000000Z.json?sig=geheim`,
    );
  });

  test('kdumpling upload --report --json: the same name from the dump', async () => {
    const crash = join(dir, 'crash/20261126T100955Z');
    mkdirSync(crash, { recursive: true });
    writeFileSync(
      join(crash, 'vmcore-dmesg.txt'),
      '[    1.000000] Kernel panic - not syncing: sysrq triggered crash\n',
    );
    await runCommand(upload, ['--report', '--json', crash, `${nginx.http}/dav/uploaded/{hive}`]);
    expect(process.exitCode).toBe(0);
    const fleet = await openFleet(`${nginx.folder}/dav/uploaded/*/*/*.json`);
    expect(await fleet.query('SELECT id, class, crashed FROM crashes')).toEqual([
      { id: '20261126T100955Z', class: 'sysrq', crashed: expect.stringMatching(/^20/) },
    ]);
    fleet.close();
    for (const args of [[], ['--report']]) {
      await runCommand(upload, [
        ...args,
        '--file',
        'vmcore-dmesg.txt',
        crash,
        `${nginx.http}/dav/uploaded/{hive}`,
      ]);
      expect(process.exitCode).toBe(2);
    }
    process.exitCode = undefined;
  });
});
