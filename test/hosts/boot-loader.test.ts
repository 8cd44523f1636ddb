/**
 * What sets crashkernel= on other systems, against their own tools and the files these make: what Debian has packages of,
 * and what somebody put into the cache (test/README.md, "Files of other systems").
 */
import { spawnSync } from 'node:child_process';
import { globSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openCache } from '../../build/cache.ts';
import { fetchTool, type Tool, type ToolName } from '../../build/fetch/tools.ts';
import {
  configuredCrashkernel,
  findBootLoader,
  setCrashkernel,
  unsetCrashkernel,
} from '../../scripts/lib/boot-loader/boot-loaders.ts';
import { changeEntries } from '../../scripts/lib/boot-loader/cos.ts';
import { crashkernelValues } from '../../scripts/lib/crashkernel/words.ts';
import { addFiles } from '../support/host-root.ts';
import type { RealRoot } from '../support/real-root.ts';
import { grubby } from './systems/grubby.ts';
import { rpmOstree } from './systems/rpm-ostree.ts';
import type { System } from './systems/system.ts';
import { systemdBoot } from './systems/systemd-boot.ts';

const cache = openCache();
const real = join(cache.dir, 'real');

const tools = new Map<ToolName, Tool>();
beforeAll(async () => {
  for (const name of ['systemd', 'ostree', 'grub'] as const) tools.set(name, await fetchTool(cache, name));
});
const tool = (name: ToolName) => () => tools.get(name)!;

const grubbies = globSync('grubby-*', { cwd: real });
const SYSTEMS: readonly [string, System][] = [
  ['systemd-boot', systemdBoot(tool('systemd'), 'root=UUID=1   ro quiet\n')],
  ['systemd-boot without /etc/kernel/cmdline', systemdBoot(tool('systemd'), undefined)],
  ['Fedora CoreOS', rpmOstree(tool('ostree'))],
  ...grubbies.map((name): [string, System] => [name, grubby(tool('grub'), join(real, name))]),
  ...grubbies.map((name): [string, System] => [
    `${name}, kernelopts`,
    grubby(tool('grub'), join(real, name), true),
  ]),
];

const roots: string[] = [];
afterEach(() => {
  for (const root of roots.splice(0)) {
    // A deployment's folder cannot be written to, by root neither. It says so of links, too.
    spawnSync('chattr', ['-R', '-f', '-i', root]);
    rmSync(root, { recursive: true });
  }
});

describe.each(SYSTEMS)('%s', (_, system) => {
  const machineOf = (value?: string) => {
    const host = system.machine(value);
    roots.push(host.root);
    const loader = findBootLoader(host)!;
    expect(loader.name).toBe(system.name);
    return { host, loader };
  };
  const words = (host: RealRoot) =>
    system.commandLines(host).map(line => line.match(/crashkernel=\S+/g) ?? []);
  const each = (host: RealRoot, ...expected: string[]) =>
    expect(words(host)).toEqual(system.commandLines(host).map(() => expected));

  test('set for every entry, changed, and undone byte for byte', () => {
    const { host, loader } = machineOf();
    const before = system.state(host);
    expect(configuredCrashkernel(host, loader)).toEqual([]);
    expect(setCrashkernel(host, loader, ['192M'])).toBe(true);
    each(host, 'crashkernel=192M');
    expect(setCrashkernel(host, loader, ['192M'])).toBe(false);
    setCrashkernel(host, loader, ['1G-4G:192M,4G-:256M@16M']);
    expect(configuredCrashkernel(host, loader)).toEqual(['1G-4G:192M,4G-:256M@16M']);
    each(host, 'crashkernel=1G-4G:192M,4G-:256M@16M');
    expect(unsetCrashkernel(host)).toBe(true);
    expect(system.state(host)).toBe(before);
    expect(unsetCrashkernel(host)).toBe(false);
  });

  test("what was the owner's own comes back", () => {
    const { host, loader } = machineOf('1G-4G:192M,4G-64G:256M');
    const before = system.state(host);
    expect(configuredCrashkernel(host, loader)).toEqual(['1G-4G:192M,4G-64G:256M']);
    setCrashkernel(host, loader, ['192M']);
    each(host, 'crashkernel=192M');
    unsetCrashkernel(host);
    expect(system.state(host)).toBe(before);
  });

  test('several words of its owner come back together', () => {
    const { host, loader } = machineOf('512M,high crashkernel=72M,low');
    const before = system.state(host);
    expect(configuredCrashkernel(host, loader)).toEqual(['512M,high', '72M,low']);
    setCrashkernel(host, loader, ['256M', '128M,cma']);
    each(host, 'crashkernel=256M', 'crashkernel=128M,cma');
    setCrashkernel(host, loader, ['192M']);
    each(host, 'crashkernel=192M');
    unsetCrashkernel(host);
    each(host, 'crashkernel=512M,high', 'crashkernel=72M,low');
    if (system.name !== 'rpm-ostree kargs') expect(system.state(host)).toBe(before);
  });

  test('changed by somebody else before and after ours: only our word goes', () => {
    const { host, loader } = machineOf();
    const added = (word: string) =>
      system.commandLines(host).filter(line => line.includes(` ${word}`)).length;
    const entries = system.commandLines(host).length;
    setCrashkernel(host, loader, ['192M']);
    each(host, 'crashkernel=192M');
    system.addWord(host, 'early=1');
    setCrashkernel(host, loader, ['256M']);
    system.addWord(host, 'late=1');
    expect([added('early=1'), added('late=1')]).toEqual([entries, entries]);
    unsetCrashkernel(host);
    each(host);
    expect([added('early=1'), added('late=1')]).toEqual([entries, entries]);
  });

  test.runIf(system.addKernel)('a kernel that came meanwhile has it, and loses it', () => {
    const { host, loader } = machineOf();
    setCrashkernel(host, loader, ['192M']);
    addFiles(host, { '/proc/cmdline': 'root=UUID=1 ro crashkernel=192M quiet\n' });
    system.addKernel!(host);
    expect(words(host)).toHaveLength(3);
    each(host, 'crashkernel=192M');
    setCrashkernel(host, loader, ['256M']);
    each(host, 'crashkernel=256M');
    unsetCrashkernel(host);
    each(host);
  });
});

if (grubbies.length === 0) test.skip(`grubby: there is none in ${real}`, () => undefined);

describe.each(globSync('cos-*.cfg', { cwd: real }))('%s', name => {
  const text = readFileSync(join(real, name), 'utf8');

  test('every entry of a COS gets the word, GRUB reads it, and it comes out again', () => {
    const set = changeEntries(text, ['192M']);
    const linux = set.split('\n').filter(line => /^\s*linux /.test(line));
    expect(linux).toHaveLength(5);
    for (const line of linux) expect(crashkernelValues(line)).toEqual(['192M']);
    expect(changeEntries(changeEntries(set, ['256M']), [])).toBe(text);
    const [command, ...args] = tool('grub')().argv;
    const check = spawnSync(command!, args, {
      input: set,
      encoding: 'utf8',
    });
    expect({ status: check.status, stderr: check.stderr }).toEqual({ status: 0, stderr: '' });
  });
});
