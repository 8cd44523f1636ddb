/** How the early stage loads modules: its own shell and awk, run by the busybox that the image has. */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { bundle } from '../../../build/bundle.ts';
import { findCommand } from '../../../build/host/host-packages.ts';
import { NODE_BINARY, PROJECT } from '../../../build/paths.ts';
import { PARAMETERS } from '../../support/module-parameters.ts';

const BUSYBOX = findCommand('busybox')!;
const script = (name: string) => readFileSync(join(PROJECT, 'initrd', name), 'utf8');
const EARLY = script('early.sh');
const FUNCTIONS = script('early-functions.sh');
const LOAD = `${/^module_words=.*$/m.exec(FUNCTIONS)![0]}\n${/^load\(\) \{.*?^\}$/ms.exec(FUNCTIONS)![0]}`;
const READ_WORDS = /^\$bb awk '.*?> \$module_words$/ms.exec(EARLY)![0];

let directory: string;
const path = (name: string) => join(directory, name);
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'kdumpling-early-'));
  writeFileSync(path('kmsg'), '');
});
afterEach(() => rmSync(directory, { recursive: true }));

/** Loads a module with that command line. Returns what insmod was given; undefined where it was not called. */
function load(module: string, commandLine: string, required = ''): string[] | undefined {
  writeFileSync(path('cmdline'), commandLine);
  const record = `if [ "$1" = insmod ]; then shift; printf '%s\\n' "$@" > ${path('insmod')}; else exec ${BUSYBOX} "$@"; fi`;
  writeFileSync(path('bb'), `#!/bin/sh\n${record}\n`, { mode: 0o755 });
  const lines =
    `${LOAD}\n${READ_WORDS}\nload /modules/${module}.ko ${required} || echo failed\necho "$module:$IFS:"`
      .replaceAll('/proc/cmdline', path('cmdline'))
      .replaceAll('/run/module-words', path('words'))
      .replaceAll('/dev/kmsg', path('kmsg'));
  const said = execFileSync(BUSYBOX, ['sh', '-c', `bb=${path('bb')} module=kept\n${lines}`], {
    encoding: 'utf8',
  });
  // The caller's variables and the shell's own word splitting are as before.
  expect(said).toBe('kept: \t\n:\n');
  if (!existsSync(path('insmod'))) return undefined;
  return readFileSync(path('insmod'), 'utf8').trimEnd().split('\n');
}

describe.each(['my_disk', 'my-disk'])('%s', module => {
  test.each(PARAMETERS)('%s: %j', (_, commandLine, parameters) => {
    expect(load(module, commandLine)).toEqual([`/modules/${module}.ko`, ...parameters]);
  });
});

test.each([
  ['modprobe.blacklist=a,my_disk', true],
  ['modprobe.blacklist=a modprobe.blacklist=my-disk,b', true],
  ['"modprobe.blacklist=my-disk"', true],
  ['modprobe.blacklist=my_disk2,my', false],
  ['module_blacklist=my_disk', false], // the kernel refuses it
  ['-- modprobe.blacklist=my_disk', false],
])('%s: not loaded: %s', (commandLine, isSkipped) => {
  expect(load('my-disk', commandLine) === undefined).toBe(isSkipped);
  expect(readFileSync(path('kmsg'), 'utf8')).toBe(
    isSkipped ? '<4>kdumpling: early: my_disk is not loaded: modprobe.blacklist= names it\n' : '',
  );
});

test('a module that the runtime requires is loaded all the same, with its parameters', () => {
  const commandLine = 'modprobe.blacklist=my_disk my_disk.a=1';
  expect(load('my-disk', commandLine, 'required')).toEqual(['/modules/my-disk.ko', 'a=1']);
});

test('what V8 frees after compiling the program is given back to the kernel', async () => {
  const output = path('capture.js');
  await bundle({ entry: join(PROJECT, 'capture/main.ts'), output, version: '1' });
  const compile = `
    const { readFileSync } = require('node:fs');
    new (require('node:vm').Script)(readFileSync(${JSON.stringify(output)}, 'latin1'));
    console.log(/^RssAnon:\\s+(\\d+)/m.exec(readFileSync('/proc/self/status', 'latin1'))[1]);`;
  const set = [...script('start-node.sh').matchAll(/^export (MALLOC_\w+)=(\S+)$/gm)].map(
    ([, name, value]) => [name!, value!],
  );
  const anonymousKib = (env: Record<string, string>) =>
    Number(execFileSync(NODE_BINARY, ['--no-opt', '-e', compile], { encoding: 'utf8', env }));
  expect(anonymousKib({}) - anonymousKib(Object.fromEntries(set))).toBeGreaterThan(500);
});

/** As xen_blkfront outside of Xen, in a lean image that has the drivers of all disks. */
test('a driver that does not load does not end the early stage', () => {
  const loop = /^for module in \$modules; do.*?done$/ms.exec(EARLY)![0];
  const script = `
    modules='/modules/one.ko /modules/two.ko'
    give_up() { echo "gave up: $1"; }
    load() { echo "$1"; return 1; }
    ${loop}
    true`;
  const said = execFileSync(BUSYBOX, ['sh', '-c', script], { encoding: 'utf8' });
  expect(said).toBe('/modules/one.ko\n/modules/two.ko\n');
});

test('the files of modules that were loaded early are removed, and no others', () => {
  const remove = /^\$bb rm .*$/m.exec(EARLY)![0];
  const names = ['iTCO_wdt.ko', 'softdog.ko', 'loop.ko', 'squashfs.ko', 'virtio_blk.ko'];
  for (const name of names) writeFileSync(path(name), '');
  const [watchdog, softdog, ...modules] = names.slice(0, -1).map(path);
  const settings = `watchdog_modules='${watchdog}' softdog='${softdog}' modules='${modules.join(' ')}'`;
  execFileSync(BUSYBOX, ['sh', '-c', `bb=${BUSYBOX}\n${settings}\n${remove}`]);
  expect(names.filter(name => existsSync(path(name)))).toEqual(['virtio_blk.ko']);
  // An image may have none of them.
  execFileSync(BUSYBOX, ['sh', '-c', `bb=${BUSYBOX}\n${remove}`]);
});

test.each([
  ['48000', ['a.cache', 'b.cache'], '--all --roomy'],
  ['47999', [], '--all'],
  // Of a kernel that does not say it.
  ['', [], '--all'],
])('with %s KiB available, of the code caches there stay %j, and V8 gets %s', (availableKib, stay, flags) => {
  const choose = /^if .* \$code_caches_from_kib \]; then$.*?^fi$/ms.exec(EARLY)![0];
  const names = ['a.cache', 'b.cache'];
  for (const name of names) writeFileSync(path(name), '');
  const settings = `available_kib=${availableKib} code_caches_from_kib=48000 code_caches='${names.map(path).join(' ')}' node_flags=--all roomy_flags=--roomy`;
  const script = `bb=${BUSYBOX}\n${settings}\n${choose}\necho "$node_flags"`;
  expect(execFileSync(BUSYBOX, ['sh', '-c', script], { encoding: 'utf8' })).toBe(`${flags}\n`);
  expect(names.filter(name => existsSync(path(name)))).toEqual(stay);
  // An image may have none.
  execFileSync(BUSYBOX, [
    'sh',
    '-c',
    `bb=${BUSYBOX} available_kib=1 code_caches_from_kib=2 code_caches=\n${choose}`,
  ]);
});

describe('memory is compressed', () => {
  const CHOOSE = /^while read -r name available_kib.*?^\[ -z .*?$/ms.exec(EARLY)![0];
  const COMPRESS = /^compress_memory\(\).*?^fi$/ms.exec(EARLY)![0];

  /** What busybox was asked for, and what the kernel was told. */
  function compress({
    availableKib,
    modules = '/modules/zram.ko',
    hasZram = true,
    hasSeveralCpus = false,
  }: {
    availableKib: number;
    modules?: string;
    hasZram?: boolean;
    hasSeveralCpus?: boolean;
  }) {
    for (const folder of ['vm', ...(hasZram ? ['block/zram0'] : [])])
      mkdirSync(path(folder), { recursive: true });
    writeFileSync(path('meminfo'), `MemTotal: 99 kB\nMemAvailable: ${availableKib} kB\nBuffers: 7 kB\n`);
    writeFileSync(path('bb'), `#!/bin/sh\necho "$@" >> ${path('calls')}\n`, { mode: 0o755 });
    const settings = `bb=${path('bb')} swap_modules='${modules}' swap_bytes=4096 compress_below_kib=1000`;
    const lines = `${CHOOSE}\n${COMPRESS}`
      .replaceAll('/proc/meminfo', path('meminfo'))
      .replaceAll('/sys/block', path('block'))
      .replaceAll('/proc/sys/vm', path('vm'))
      .replaceAll('> /dev/kmsg', `>> ${path('kmsg')}`);
    const functions = `load() { sleep 0.1; $bb load "$@"; }\nseveral_cpus() { ${hasSeveralCpus}; }`;
    const goesOn = `echo goes on >> ${path('calls')}\nwait`;
    execFileSync(BUSYBOX, ['sh', '-ec', `${settings}\n${functions}\n${lines}\n${goesOn}`]);
    const text = (name: string) => (existsSync(path(name)) ? readFileSync(path(name), 'utf8') : '');
    return {
      calls: text('calls'),
      size: text('block/zram0/disksize'),
      swappiness: text('vm/swappiness'),
      said: text('kmsg'),
    };
  }
  const GOES_ON = 'goes on\n';
  const NOTHING = { calls: `rm -f /modules/zram.ko\n${GOES_ON}`, size: '', swappiness: '', said: '' };
  const BOTH = '/modules/zsmalloc.ko /modules/zram.ko';
  const CALLS = `load /modules/zsmalloc.ko\nload /modules/zram.ko\nmkswap /dev/zram0\nswapon /dev/zram0\nrm -f ${BOTH}\n`;

  test.each([
    ['before Node is started', false, CALLS + GOES_ON],
    ['by another CPU while Node starts', true, GOES_ON + CALLS],
  ])('where it is short, %s', (_, hasSeveralCpus, calls) => {
    expect(compress({ availableKib: 999, modules: BOTH, hasSeveralCpus })).toEqual({
      calls,
      size: '4096\n',
      swappiness: '200\n',
      said: '',
    });
  });

  test('not where there is enough', () => {
    expect(compress({ availableKib: 1000 })).toEqual(NOTHING);
  });

  test('not by a kernel without zram', () => {
    expect(compress({ availableKib: 999, modules: '' })).toEqual({ ...NOTHING, calls: `rm -f\n${GOES_ON}` });
  });

  test('which costs nothing but a line where it fails', () => {
    expect(compress({ availableKib: 999, hasZram: false })).toEqual({
      ...NOTHING,
      calls: `load /modules/zram.ko\nrm -f /modules/zram.ko\n${GOES_ON}`,
      said: '<4>kdumpling: early: memory is not compressed\n',
    });
  });
});

describe('busybox', () => {
  const MOVE = /^if \[ "\$swaps" \] && .*?^fi$/ms.exec(EARLY)![0];

  /** Runs it as PID 1 does, with a busybox that starts no program. Returns what it did besides copying. */
  function move(swaps: string): string {
    const bb = path('busybox');
    writeFileSync(
      bb,
      `#!/bin/sh\ncase $1 in mount | sh) echo "$@" >> ${path('calls')} ;; *) exec ${BUSYBOX} "$@" ;; esac\n`,
      { mode: 0o755 },
    );
    const lines = MOVE.replaceAll('/swappable', path('swappable'));
    writeFileSync(path('script'), `bb=${bb} swaps=${swaps}\n${lines}\necho goes on >> ${path('calls')}\n`);
    execFileSync(BUSYBOX, ['sh', path('script'), 'no5lvl'], { stdio: 'ignore' });
    return readFileSync(path('calls'), 'utf8');
  }

  test('is moved where it can be swapped, and the early stage begins again, once', () => {
    const mounted = `mount -t tmpfs -o mode=755 tmpfs ${path('swappable')}\n`;
    expect(move('yes')).toBe(`${mounted}sh /init no5lvl\n`);
    expect(realpathSync(path('busybox'))).toBe(realpathSync(join(path('swappable'), 'busybox')));
  });

  test('stays where memory is not short', () => {
    expect(move('')).toBe('goes on\n');
    expect(existsSync(path('swappable'))).toBe(false);
  });

  test('stays where it cannot be copied', () => {
    writeFileSync(path('swappable'), '');
    expect(move('yes')).toMatch(/goes on\n$/);
    expect(lstatSync(path('busybox')).isFile()).toBe(true);
  });
});

test('multi-gen LRU is turned on without a time within which a page must not be dropped', () => {
  const turnOn = /^lru=.*?^\[ -w .*?$/ms.exec(EARLY)![0];
  writeFileSync(path('enabled'), '0');
  writeFileSync(path('min_ttl_ms'), '0\n');
  execFileSync(BUSYBOX, ['sh', '-c', turnOn.replace('/sys/kernel/mm/lru_gen', directory)]);
  expect(readFileSync(path('enabled'), 'utf8')).toBe('y\n');
  expect(readFileSync(path('min_ttl_ms'), 'utf8')).toBe('0\n');
  expect(EARLY.replaceAll(/^#.*$/gm, '')).not.toContain('min_ttl_ms');
});

test('the kernel keeps few free pages back, where it lets this be set', () => {
  const settings = /^\( echo \d+ > \/proc\/sys\/vm\/.*^\( kib=.*?$/ms.exec(EARLY)![0];
  for (const name of ['percpu_pagelist_high_fraction', 'watermark_boost_factor'])
    writeFileSync(path(name), '');
  const own = '/proc/sys/vm/min_free_kbytes';
  const inFolder = settings.replaceAll('/proc/sys/vm', directory);
  // What it is comes from this machine's own file, because others can be read in pieces.
  const script = inFolder
    .replace(/^keep_free=.*/m, `keep_free=${own}`)
    .replace('> $keep_free', `> ${path('kept')}`);
  execFileSync(BUSYBOX, ['sh', '-ec', `bb=${BUSYBOX}\n${script}`]);
  expect(readFileSync(path('percpu_pagelist_high_fraction'), 'utf8')).toBe('1000\n');
  expect(readFileSync(path('watermark_boost_factor'), 'utf8')).toBe('0\n');
  // It was written: the kernel gives up what it had set aside by then.
  expect(readFileSync(path('kept'), 'utf8')).toBe(readFileSync(own, 'utf8'));
  // Linux 5.10 has only one of them. Nothing of it is on the console.
  expect(() =>
    execFileSync(BUSYBOX, [
      'sh',
      '-c',
      `bb=${BUSYBOX}\n${settings.replaceAll('/proc/sys/vm', path('none'))}\ntrue`,
    ]),
  ).not.toThrow();
});

describe('while Node starts', () => {
  const SEVERAL_CPUS = /^several_cpus\(\).*?^\}.*?$/ms.exec(script('early-functions.sh'))![0];
  const MEANWHILE = /^if several_cpus; then.*?^fi$/ms.exec(script('start-node.sh'))![0];

  /** What is done, in order. */
  const work = (online: string, touchedKib = 18_432): string[] => {
    writeFileSync(path('online'), `${online}\n`);
    writeFileSync(path('bb'), `#!/bin/sh\necho "$*" >> ${path('done')}\n`, { mode: 0o755 });
    writeFileSync(path('done'), '');
    const settings = `bb=${path('bb')} node='/runtime/bin/node /runtime/lib/node' touched_kib=${touchedKib} target_modules='/modules/one.ko /modules/two.ko'`;
    const load = `load() { echo "load $*" >> ${path('done')}; return 1; }`;
    const lines = `${SEVERAL_CPUS}\n${MEANWHILE}`.replaceAll(
      '/sys/devices/system/cpu/online',
      path('online'),
    );
    execFileSync(BUSYBOX, ['sh', '-c', `${settings}\n${load}\n${lines}\nwait`]);
    return readFileSync(path('done'), 'utf8').split('\n').filter(Boolean);
  };
  const LOADS = ['load /modules/one.ko', 'load /modules/two.ko'];

  test('another CPU reads what a capture touches of it, and loads the drivers of the target', () => {
    expect(work('0-1')).toEqual(['dd if=/runtime/lib/node of=/dev/null bs=64k count=288', ...LOADS]);
    expect(work('0,2')).toHaveLength(3);
  });

  test('where its pages are in their own order, only the drivers are loaded', () => {
    expect(work('0-1', 0)).toEqual(LOADS);
  });

  test('nothing is done on the only CPU, and where the kernel does not say which there are', () => {
    expect(work('0')).toEqual([]);
    expect(work('3')).toEqual([]);
    expect(work('')).toEqual([]);
  });
});

describe('Node runs without a compiler', () => {
  const CHOOSE = /^vmcore_bytes=.*?^\[ .*?$/ms.exec(script('start-node.sh'))![0];

  test.each([
    ['for a small crash', 'echo 8589934591', '--all --small'],
    ['where there is no vmcore', 'echo no such file >&2; exit 1', '--all --small'],
    ['but not for a large one', 'echo 8589934592', '--all'],
    ['nor for one of 24 TB', 'echo 26388279066624', '--all'],
  ])('%s', (_, stat, flags) => {
    writeFileSync(path('bb'), `#!/bin/sh\n[ "$*" = "stat -c %s /proc/vmcore" ] || exit 9\n${stat}\n`, {
      mode: 0o755,
    });
    const settings = `bb=${path('bb')} node_flags=--all small_crash_flags=--small small_crash_bytes=8589934592`;
    const script = `${settings}\n${CHOOSE}\necho "$node_flags"`;
    const said = execFileSync(BUSYBOX, ['sh', '-c', script], { encoding: 'utf8' });
    expect(said).toBe(`${flags}\n`);
  });
});

describe('the runtime image', () => {
  const attach = (memory = '', file = path('initrd')) => {
    // The image that the kernel keeps is below /sys.
    const mounting = script('runtime-image.sh').replaceAll('/sys/*', `${path('initrd')}*`);
    const settings = `bb=: runtime_file=${file} runtime_offset=128`;
    const giveUp = 'give_up() { echo "gave up: $1"; exit; }';
    const lines = mounting.replaceAll('/sys/block/loop0/queue/max_sectors_kb', path('max_sectors_kb'));
    return execFileSync(BUSYBOX, ['sh', '-c', `${giveUp}\n${settings}\n${memory}\n${lines}\necho attached`], {
      encoding: 'utf8',
    });
  };

  /** Without the word retain_initrd, the kernel frees the image before the early stage can read it. */
  test('that the kernel did not keep ends the early stage with the word that is missing', () => {
    expect(attach()).toMatch(
      /^gave up: there is no .*initrd; the crash kernel's command line needs retain_initrd\n$/,
    );
  });

  test('that is not on the disk ends the early stage with what is to be looked for', () => {
    expect(attach('', '/disk/no/runtime.squashfs')).toBe(
      'gave up: there is no /disk/no/runtime.squashfs; is the package installed on that disk?\n',
    );
  });

  test('that is a file is read in requests of any size', () => {
    writeFileSync(path('runtime.squashfs'), '');
    expect(attach('', path('runtime.squashfs'))).toBe('attached\n');
    expect(existsSync(path('max_sectors_kb'))).toBe(false);
  });

  test('is read in requests of a page, because the kernel gives no more of it at once', () => {
    writeFileSync(path('initrd'), '');
    expect(attach()).toBe('attached\n');
    expect(readFileSync(path('max_sectors_kb'), 'utf8')).toBe('4\n');
  });

  test.each([16, 64])('is read in requests of %i KiB on a kernel with pages of that size', pageKib => {
    writeFileSync(path('initrd'), '');
    // The kernel's own refusal is an error of the write.
    attach(`echo() { [ "$1" -lt ${pageKib} ] 2> /dev/null && return 1; command echo "$@"; }`);
    expect(readFileSync(path('max_sectors_kb'), 'utf8')).toBe(`${pageKib}\n`);
  });
});
