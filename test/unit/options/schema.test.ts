import { describe, expect, test } from 'vitest';
import { overrideOptions } from '../../../capture/options/command-line.ts';
import { checkOption, checkOptions, OptionError } from '../../../capture/options/schema.ts';

const LEAST = { target: 'UUID=0-1', fstype: 'ext4', modules: [] };

describe('baked options', () => {
  test('the least that is needed gets the defaults', () => {
    expect(checkOptions(LEAST)).toMatchObject({
      ...LEAST,
      path: '/var/crash',
      codec: 'zstd',
      finalAction: 'reboot',
    });
  });

  test.each([
    ['target', 'sda1'],
    ['target', 'UUID=../../etc'],
    ['target', undefined],
    ['fstype', 'ext4 -o exec'],
    ['path', 'var/crash'],
    ['path', '/var/../etc'],
    ['path', '/..'],
    ['path', ''],
    ['path', '/var/\x1b[2Jcrash'],
    ['path', '/var/\u202ecrash'],
    ['path', '/var/crash\n'],
    ['path', `/${'x'.repeat(256)}`],
    ['path', '/x'.repeat(513)],
    ['crashLoop', '3'],
    ['crashLoop', '0/10'],
    ['failureAction', 'dump_to_rootfs'],
    ['finalAction', 'shell'],
    ['stallTimeout', '99999999999999999999'],
    ['fallbackTargets', 'ext4'],
    ['fallbackTargets', ['ext4 sda']],
    ['fallbackTargets', [1]],
    ['mountOptions', 'a b'],
    ['fsck', 'always'],
    ['targetUuid', 'x'],
    ['codec', 'gzip'],
    ['dumpLevel', 32],
    ['dumpLevel', -1],
    ['dumpLevel', 1.5],
    ['finalAction', 'explode'],
    ['deadlineSeconds', 0],
    ['modules', 'ext4.ko'],
    ['modules', [1]],
    ['modules', ["/modules/a'; reboot #.ko"]],
    ['modules', ['/etc/passwd']],
  ])('%s may not be %j', (name, value) => {
    expect(() => checkOptions({ ...LEAST, [name]: value })).toThrow(OptionError);
  });

  test.each([
    ['path', '/'],
    ['path', '/var/crash/'],
    ['path', '/srv/übung/dumps'],
    ['crashLoop', '0'],
    ['crashLoop', '3/10'],
    ['failureAction', 'shell'],
  ])('%s may be %j', (name, value) => {
    expect(checkOptions({ ...LEAST, [name]: value })).toHaveProperty(name, value);
  });

  test('the error names the option, the value and what was wanted', () => {
    expect(() => checkOptions({ ...LEAST, codec: 'gzip' })).toThrow(
      'Cannot use the option codec: its value is "gzip"; expected one of zstd, zlib, lzo, snappy',
    );
  });

  test.each([null, [], 'text', 1])('options that are %j and no object are refused', given => {
    expect(() => checkOptions(given as never)).toThrow(
      /^Cannot use the options: they are .*; expected an object/,
    );
  });

  test('a value that is nested without end is refused, and a long one is shortened', () => {
    const deep = JSON.parse(`${'['.repeat(20_000)}${']'.repeat(20_000)}`);
    expect(() => checkOption('path', deep)).toThrow('its value is nested too deeply to show');
    expect(() => checkOption('path', 'x'.repeat(5000))).toThrow(/its value is "x{199}…; expected/);
  });

  test('an unknown one is refused', () => {
    expect(() => checkOptions({ ...LEAST, colour: 'red' })).toThrow(/Cannot use the option colour/);
  });

  test.each(['__proto__', 'constructor'])('%s is an unknown one', name => {
    expect(() => checkOptions(JSON.parse(`{"${name}": 1, "target": "UUID=0", "fstype": "ext4"}`))).toThrow(
      OptionError,
    );
  });
});

describe('the command line', () => {
  const baked = checkOptions(LEAST);

  test('overrides by name', () => {
    const { options, warnings } = overrideOptions(
      baked,
      'ro kdumpling.codec=lzo kdumpling.deadlineSeconds=60 quiet',
    );
    expect(options).toEqual({ ...baked, codec: 'lzo', deadlineSeconds: 60 });
    expect(warnings).toEqual([]);
  });

  test('a list of targets, by commas', () => {
    const word = 'kdumpling.fallbackTargets=ext4:UUID=1-2,raw:/dev/disk/by-path/pci-0000:00:03.0-part2';
    expect(overrideOptions(baked, word)).toEqual({
      options: {
        ...baked,
        fallbackTargets: ['ext4:UUID=1-2', 'raw:/dev/disk/by-path/pci-0000:00:03.0-part2'],
      },
      warnings: [],
    });
  });

  test.each(['kdumpling.codec=gzip', 'kdumpling.colour=red', 'kdumpling.modules=x', 'kdumpling.toString=x'])(
    '%s is reported and left out',
    word => {
      const { options, warnings } = overrideOptions(baked, word);
      expect(options).toEqual(baked);
      expect(warnings).toHaveLength(1);
    },
  );

  test('words without our prefix are ignored', () => {
    expect(overrideOptions(baked, 'kdump.codec=lzo xkdumpling.codec=lzo').options).toEqual(baked);
  });
});
