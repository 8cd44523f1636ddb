/**
 * CPU and memory hot-plug on a real systemd: the package's units and the commands of its udev rules, with a `kdumpling`
 * that writes down how it was called. systemd runs as a user instance in a mount and PID namespace of its own.
 */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { PROJECT } from '../../build/paths.ts';

const FILES = join(PROJECT, 'build/package/files');
const SYSTEMD = '/lib/systemd/systemd';
const hasSystemd = spawnSync(SYSTEMD, ['--version']).status === 0;

let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'kdumpling-hot-plug-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** For a user instance, on a machine without a reservation. */
function adapted(unit: string): string {
  return unit
    .replaceAll('/usr/sbin/kdumpling', join(dir, 'kdumpling'))
    .replace(/\/bin\/systemctl/g, '/bin/systemctl --user')
    .replace(/^(Condition|RequiresMountsFor=|After=|Before=|Conflicts=).*$/gm, '');
}

/** What udev runs for one event. */
function eventCommand(): string {
  const rules = readFileSync(join(FILES, '90-kdumpling.rules'), 'utf8');
  return adapted([...rules.matchAll(/RUN\+="([^"]+)"/g)].at(-1)![1]!);
}

interface Outcome {
  /** The calls of `kdumpling`, in order. */
  readonly calls: readonly string[];
  /** ActiveState and Result of the unit that loads. */
  readonly unit: string;
}

/** @param load shell commands of `kdumpling load`. @param script what happens after it was loaded at boot. */
function onSystemd(load: string, script: string): Outcome {
  const units = join(dir, 'units');
  mkdirSync(units);
  for (const name of readdirSync(FILES).filter(file => /^kdumpling-.*\.(service|timer)$/.test(file)))
    writeFileSync(join(units, name), adapted(readFileSync(join(FILES, name), 'utf8')));
  writeFileSync(
    join(dir, 'kdumpling'),
    `#!/bin/sh\necho "$1" >> ${dir}/calls\n[ "$1" = load ] || exit 0\n${load}\n`,
    { mode: 0o755 },
  );
  writeFileSync(
    join(dir, 'script'),
    `mount -t tmpfs tmpfs /run
    mkdir -p /run/systemd/system /run/user/systemd
    export XDG_RUNTIME_DIR=/run/user HOME=/run/user
    ln -s ${units} /run/user/systemd/user
    ${SYSTEMD} --user > ${dir}/log 2>&1 &
    systemd=$!
    until systemctl --user is-system-running 2> /dev/null | grep -qE 'running|degraded'; do sleep 0.2; done
    event() { ${eventCommand()}; }
    systemctl --user start kdumpling-load.service
    ${script}
    systemctl --user show --property=ActiveState,Result --value kdumpling-load.service | xargs > ${dir}/unit
    # Its end unloads.
    cp ${dir}/calls ${dir}/seen
    kill $systemd
    wait $systemd
    # It leaves its control group behind.
    rmdir /sys/fs/cgroup/*/init.scope 2> /dev/null
    true`,
  );
  const { status, stderr } = spawnSync(
    'unshare',
    ['--mount', '--pid', '--fork', '--mount-proc', 'sh', join(dir, 'script')],
    { encoding: 'utf8', timeout: 50_000 },
  );
  if (status !== 0) throw new Error(`systemd did not run: ${stderr}`);
  const text = (name: string) => readFileSync(join(dir, name), 'utf8').trim();
  return { calls: text('seen').split('\n'), unit: text('unit') };
}

const STORM = 'for event in 1 2 3 4 5 6; do event & done; sleep 1';
/** Longer than the events need to settle and the reload to end. */
const SETTLED = 'sleep 9';

describe.skipIf(!hasSystemd)('hot-plug', () => {
  test('six events at once end in one reload, without an unload in between', () => {
    expect(onSystemd('sleep 1', `${STORM}\n${SETTLED}`)).toEqual({
      calls: ['load', 'load'],
      unit: 'success active',
    });
  });

  test('events during a reload are followed by another one', () => {
    const late = 'sleep 5.5\nevent';
    expect(onSystemd('sleep 3', `${STORM}\n${late}\n${SETTLED}\nsleep 3`)).toEqual({
      calls: ['load', 'load', 'load'],
      unit: 'success active',
    });
  });

  test('a reload that fails leaves the unit active, and the next event tries again', () => {
    // The second call is the one that fails.
    const load = `[ "$(wc -l < ${'$0'}.calls 2> /dev/null || echo 0)" != 1 ] || { echo x >> $0.calls; exit 1; }\necho x >> $0.calls`;
    expect(onSystemd(load, `event\n${SETTLED}\nevent\n${SETTLED}`)).toMatchObject({
      calls: ['load', 'load', 'load'],
      unit: expect.stringMatching(/active$/),
    });
  });

  test('nothing is loaded where the unit is not active', () => {
    expect(onSystemd('', `systemctl --user stop kdumpling-load.service\n${STORM}\n${SETTLED}`)).toEqual({
      calls: ['load', 'unload'],
      unit: 'success inactive',
    });
  });
});
