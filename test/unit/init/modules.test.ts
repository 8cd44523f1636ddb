import { describe, expect, test } from 'vitest';
import { readModuleWords } from '../../../capture/init/module-words.ts';
import { loadModules } from '../../../capture/init/modules.ts';
import { openLog } from '../../../capture/log.ts';
import { fakeSystem } from '../../support/fake-system.ts';
import { PARAMETERS } from '../../support/module-parameters.ts';

test.each(PARAMETERS)('%s: %j', (_, commandLine, parameters) => {
  expect(readModuleWords(commandLine).parametersOf('my_disk')).toEqual(parameters);
  expect(readModuleWords(commandLine).parametersOf('my-disk')).toEqual(parameters);
});

test.each([
  ['modprobe.blacklist=a,my-disk', 'modprobe.blacklist'],
  ['modprobe.blacklist=a modprobe.blacklist=my_disk', 'modprobe.blacklist'],
  ['"modprobe.blacklist=my_disk"', 'modprobe.blacklist'],
  ['module_blacklist=my_disk', 'module_blacklist'],
  ['module_blacklist=my_disk modprobe.blacklist=my_disk', 'module_blacklist'],
  ['modprobe.blacklist=my_disk2,my', undefined],
  ['-- modprobe.blacklist=my_disk', undefined],
])('%s', (commandLine, word) => expect(readModuleWords(commandLine).blacklistOf('my_disk')).toBe(word));

describe('loading', () => {
  const load = (commandLine: string, broken: Parameters<typeof fakeSystem>[0] = [], loaded = '') => {
    const system = fakeSystem(broken);
    const log = openLog(
      () => {},
      () => 0,
    );
    const readText = (path: string) => {
      if (path === `/sys/module/${loaded}/initstate`) return 'live\n';
      throw new Error(`ENOENT ${path}`);
    };
    loadModules(['/modules/my-disk.ko', '/modules/ext4.ko'], { system, log, commandLine, readText });
    return { calls: system.calls, warnings: log.warnings, lines: log.lines.map(({ text }) => text) };
  };

  test('each module gets its parameters, and the log says so', () => {
    const { calls, warnings, lines } = load('my_disk.a=1 my_disk.b="c d" nvme.x=2');
    expect(calls).toEqual(['loadModule /modules/my-disk.ko a=1 b="c d"', 'loadModule /modules/ext4.ko']);
    expect(lines).toEqual(['kdumpling: target: loading my-disk with a=1 b="c d"']);
    expect(warnings).toEqual([]);
  });

  test('what another CPU has loaded is not loaded again', () => {
    expect(load('my_disk.a=1', [], 'my_disk')).toEqual({
      calls: ['loadModule /modules/ext4.ko'],
      warnings: [],
      lines: [],
    });
  });

  test('modprobe.blacklist is honoured here, because the kernel does not', () => {
    const { calls, warnings } = load('modprobe.blacklist=my_disk');
    expect(calls).toEqual(['loadModule /modules/ext4.ko']);
    expect(warnings).toEqual([
      'target: the module my-disk is not loaded: modprobe.blacklist= on the command line names it',
    ]);
  });

  test('module_blacklist is left to the kernel, and a failure names it', () => {
    const { calls, warnings } = load('module_blacklist=my-disk', ['loadModule']);
    expect(calls).toHaveLength(2);
    expect(warnings).toEqual([
      'target: test: loadModule is broken; module_blacklist= on the command line makes the kernel refuse it',
      'target: test: loadModule is broken',
    ]);
  });
});
