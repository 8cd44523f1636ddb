/** The snippets for Fedora CoreOS and for cloud images, judged by the programs that read them: Debian's packages of both. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { openCache } from '../../build/cache.ts';
import { fetchTool, type Tool } from '../../build/fetch/tools.ts';
import { PROJECT } from '../../build/paths.ts';
import { settingsOf } from '../../scripts/lib/config/config.ts';

const read = (name: string) => readFileSync(join(PROJECT, 'scripts/deploy', name), 'utf8');
const run = ({ argv, env }: Tool, ...args: string[]) => {
  const [command, ...rest] = [...argv, ...args];
  return spawnSync(command, rest, { env: { ...process.env, ...env }, encoding: 'utf8' });
};

let dir: string;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'kdumpling-provision-'));
});
afterAll(() => rmSync(dir, { recursive: true }));
const put = (name: string, text: string) => {
  writeFileSync(join(dir, name), text);
  return join(dir, name);
};

describe('Fedora CoreOS', () => {
  let ignition: Tool;
  beforeAll(async () => {
    ignition = await fetchTool(openCache(), 'ignition');
  });
  // Butane's modes are octal, as YAML 1.1 has them.
  const butane = parse(read('fedora-coreos.bu'), { version: '1.1' }) as Butane;

  test('its Ignition is what ignition-validate takes', () => {
    const { status, stderr } = run(ignition, join(PROJECT, 'scripts/deploy/fedora-coreos.ign'));
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  });

  test('ignition-validate can refuse', () => {
    const config = JSON.parse(read('fedora-coreos.ign'));
    config.storage.files[0].path = 'etc/kdump.conf';
    expect(run(ignition, put('bad.ign', JSON.stringify(config))).status).not.toBe(0);
  });

  test('the Ignition is the Butane', () => {
    const inline = (text: string) => `data:,${encodeURIComponent(text)}`;
    expect(JSON.parse(read('fedora-coreos.ign'))).toEqual({
      ignition: { version: '3.3.0' },
      kernelArguments: { shouldExist: butane.kernel_arguments.should_exist },
      storage: {
        files: butane.storage.files.map(({ path, mode, contents: { inline: text, ...contents } }) => ({
          path,
          mode,
          contents: text === undefined ? contents : { source: inline(text) },
        })),
      },
      systemd: butane.systemd,
    });
  });

  test('the config is one that we take, and private', () => {
    const [config] = butane.storage.files;
    expect(config).toMatchObject({ path: '/etc/kdump.conf', mode: 0o600 });
    expect(() => settingsOf(config.contents.inline!, config.path)).not.toThrow();
  });

  test('the package’s files become an extension: all below usr/, nothing in etc/', () => {
    const tree = join(dir, 'package');
    for (const folder of ['etc', 'lib/systemd/system', 'usr/sbin'])
      mkdirSync(join(tree, folder), { recursive: true });
    for (const file of ['etc/kdump.conf', 'lib/systemd/system/x.service', 'usr/sbin/kdumpling'])
      writeFileSync(join(tree, file), '');
    execFileSync('tar', ['--create', '--zstd', '--file', join(dir, 'p.tar.zst'), '--directory', tree, '.']);
    const extension = join(dir, 'extension');
    const [{ contents }] = butane.systemd.units;
    for (const [, command] of contents.matchAll(/^ExecStart=(\/usr\/bin\/(?:mkdir|tar|sh) .*)$/gm)) {
      const line = command
        .replaceAll('/var/lib/kdumpling/kdumpling.tar.zst', join(dir, 'p.tar.zst'))
        .replaceAll(/\$\{EXTENSION\}/g, extension);
      execFileSync('sh', ['-c', line]);
    }
    const found = execFileSync('find', ['.', '-type', 'f'], { cwd: extension, encoding: 'utf8' });
    expect(found.trim().split('\n').sort()).toEqual([
      './usr/lib/extension-release.d/extension-release.kdumpling',
      './usr/lib/systemd/system/x.service',
      './usr/sbin/kdumpling',
    ]);
  });
});

interface Butane {
  readonly kernel_arguments: { readonly should_exist: string[] };
  readonly storage: {
    readonly files: readonly {
      readonly path: string;
      readonly mode: number;
      readonly contents: { readonly inline?: string };
    }[];
  };
  readonly systemd: { readonly units: readonly { readonly contents: string }[] };
}

describe('cloud-init', () => {
  let cloudInit: Tool;
  beforeAll(async () => {
    cloudInit = await fetchTool(openCache(), 'cloud-init');
  });
  const check = (file: string) => run(cloudInit, '-m', 'cloudinit.cmd.main', 'schema', '--config-file', file);

  test('its schema takes our user data', () => {
    const { status, stdout, stderr } = check(join(PROJECT, 'scripts/deploy/cloud-init.yaml'));
    expect({ status, said: stdout + stderr }).toMatchObject({
      status: 0,
      said: expect.stringContaining('Valid'),
    });
  });

  test('it can refuse', () => {
    const bad = put('bad.yaml', read('cloud-init.yaml').replace('mode: reboot', 'mode: again'));
    expect(check(bad).status).not.toBe(0);
  });

  test('the config is one that we take', () => {
    const { write_files } = parse(read('cloud-init.yaml')) as {
      write_files: { path: string; content: string }[];
    };
    expect(() => settingsOf(write_files[0].content, write_files[0].path)).not.toThrow();
  });
});
