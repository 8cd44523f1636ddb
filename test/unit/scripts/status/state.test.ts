import { chmodSync, chownSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { obstaclesOf } from '../../../../scripts/lib/arming/checks.ts';
import type { Dump } from '../../../../scripts/lib/dumps/dumps.ts';
import { SYSCTLS, setSysctls, unsetSysctls } from '../../../../scripts/lib/host/sysctls.ts';
import { readState } from '../../../../scripts/lib/status/state.ts';
import { judgeTest } from '../../../../scripts/lib/status/test-record.ts';
import { subjectOf } from '../../../../scripts/lib/status/test-subject.ts';
import { stateData, stateText } from '../../../../scripts/lib/status/text.ts';
import { ARMED, CONFIG, KVER, LENDING, LOADED } from '../../../support/armed-machine.ts';
import { addFiles, type Files, hostWith, textOf } from '../../../support/host-root.ts';

const COMMANDS = { 'update-grub': () => '' };

const stateOf = (more: Files = {}, without: readonly string[] = []) => {
  const files = Object.fromEntries(
    Object.entries({ ...ARMED, ...more }).filter(([path]) => !without.includes(path)),
  );
  return readState(hostWith(files, COMMANDS));
};
const lastLine = (text: string) => text.split('\n').at(-1);

test('armed', () => {
  const state = stateOf();
  const lines = stateText(state).split('\n');
  expect(lines.slice(0, 3)).toEqual([
    'kdump enabled: true',
    'kdump ready: true',
    'kdump kernel loaded: true',
  ]);
  expect(lines).toContain(`initrd: /boot/initramfs-${KVER}kdump.img`);
  expect(lines).toContain('reserved: 192M, minimum 112M');
  expect(lines).toContain('target: ext4 /dev/vda1, /var/crash');
  expect(lines.find(line => line.startsWith('  20261121T220234Z'))).toContain('incomplete');
  expect(lines.at(-1)).toBe('armed: a crash of this machine will be captured');
  expect(stateData(state)).toMatchObject({
    armed: true,
    enabled: true,
    ready: true,
    loaded: true,
    findings: [],
  });
});

describe('not armed: the most basic reason first, and the command that fixes it', () => {
  const cases: [string, Files, string[], RegExp][] = [
    [
      'nothing has been done yet',
      {
        '/boot/grub/grub.cfg': '\tlinux /boot/vmlinuz ro\n',
        '/proc/cmdline': 'ro\n',
        '/sys/kernel/kexec_crash_size': '0\n',
        '/sys/kernel/kexec_crash_loaded': '0\n',
      },
      [`/boot/initramfs-${KVER}kdump.img`],
      /no memory will be reserved at the next boot; to fix it: kdumpling enable$/,
    ],
    [
      'enabled but not rebooted',
      {
        '/proc/cmdline': 'ro\n',
        '/sys/kernel/kexec_crash_size': '0\n',
        '/sys/kernel/kexec_crash_loaded': '0\n',
      },
      [],
      /this boot reserved no memory for a crash kernel; to fix it: reboot$/,
    ],
    [
      'the kernel could not reserve',
      { '/sys/kernel/kexec_crash_size': '0\n' },
      [],
      /could not reserve the memory that crashkernel= requests; to fix it: kdumpling estimate$/,
    ],
    [
      'no initrd for this kernel',
      {},
      [`/boot/initramfs-${KVER}kdump.img`],
      /no dump-capture initrd for 6\.1\.0-56-cloud-amd64; to fix it: kdumpling load$/,
    ],
    ...['', 'imag', 'IMAGE', 'images'].map((content): [string, Files, string[], RegExp] => [
      `an initrd with the content ${JSON.stringify(content)}`,
      { [`/boot/initramfs-${KVER}kdump.img`]: content },
      [],
      /kdump\.img is damaged: .*; to fix it: kdumpling load$/,
    ]),
    [
      'a command line that is too long',
      { '/proc/cmdline': `ro crashkernel=192M one=${'x'.repeat(900)} two=${'y'.repeat(970)}\n` },
      [],
      /command line has 2\d{3} bytes, and kexec takes at most 2016; to fix it: Shorten it in \/etc\/kdump\.conf with `command_line_remove`; its longest words are two, one, ro$/,
    ],
    [
      'not loaded',
      { '/sys/kernel/kexec_crash_loaded': '0\n' },
      [],
      /is not loaded; to fix it: kdumpling load$/,
    ],
    [
      'disabled but still loaded',
      { '/boot/grub/grub.cfg': '\tlinux /boot/vmlinuz ro\n' },
      [],
      /no memory will be reserved at the next boot/,
    ],
    [
      'a bad config',
      { '/etc/kdump.conf': 'nfs a:/b\n' },
      [],
      /line 1: cannot use nfs.*to fix it: correct \/etc\/kdump\.conf$/,
    ],
    [
      'no target',
      { '/proc/self/mountinfo': '21 1 0:9 / / rw - overlay overlay rw\n' },
      [],
      /it is on overlay/,
    ],
    [
      'a target that does not exist',
      { '/etc/kdump.conf': 'ext4 UUID=00-11\n' },
      [],
      /the dump target UUID=00-11 does not exist/,
    ],
    [
      'a file system without a module',
      { [`/lib/modules/${KVER}/modules.builtin`]: 'kernel/a.ko\n' },
      [],
      /Cannot include the module ext4/,
    ],
    [
      'a FAT whose character set the kernel lacks',
      {
        '/proc/self/mountinfo': '21 1 254:1 / / rw - vfat /dev/vda1 rw,codepage=850,iocharset=iso8859-15\n',
        [`/lib/modules/${KVER}/modules.builtin`]: 'kernel/fs/fat/vfat.ko\n',
      },
      [],
      /Cannot include the module nls_cp850/,
    ],
    [
      'a fallback whose file system the kernel lacks',
      { '/etc/kdump.conf': 'fallback_target xfs LABEL=spare\n' },
      [],
      /Cannot include the module xfs/,
    ],
    [
      'a target on a partition of an array',
      {
        '/sys/devices/pci0000:00/block/vda/vda1/partition': '1\n',
        '/sys/devices/pci0000:00/block/vda/md/level': 'raid1\n',
      },
      [],
      /\/dev\/vda is a RAID of level raid1, which the capture does not support; to fix it: name a file system/,
    ],
    [
      'a target on an encrypted disk',
      { '/sys/devices/pci0000:00/block/vda/vda1/dm/uuid': 'CRYPT-LUKS2-0123-root\n' },
      [],
      /\/dev\/vda1 is encrypted, which the capture does not support; to fix it: name a file system on a partition/,
    ],
    [
      'a kernel without a required option',
      { [`/boot/config-${KVER}`]: CONFIG.replace('CONFIG_PROC_VMCORE=y\n', '') },
      [],
      /built without CONFIG_PROC_VMCORE for \/proc\/vmcore/,
    ],
    [
      'a reservation that the kernel does not fit into',
      {
        ...LENDING,
        '/sys/kernel/kexec_crash_size': `${64 << 20}\n`,
        '/proc/iomem': '',
        '/sys/kernel/kexec_crash_loaded': '0\n',
      },
      [],
      /the unpacked kernel and the initrd take \d+M in one piece, and the reservation has 64M; to fix it: run `kdumpling enable --crashkernel auto` and reboot/,
    ],
    ['the crash kernel itself', { '/proc/vmcore': '' }, [], /this is a crash kernel itself/],
    ['kexec turned off', { '/proc/sys/kernel/kexec_load_disabled': '1\n' }, [], /kexec_load_disabled is 1/],
    [
      'locked down without kexec_file_load',
      {
        '/sys/kernel/security/lockdown': 'none [integrity] confidentiality\n',
        [`/boot/config-${KVER}`]: CONFIG.replace('CONFIG_KEXEC_FILE=y\n', ''),
      },
      [],
      /locked down \(integrity\) and the kernel has no kexec_file_load/,
    ],
  ];
  test.each(cases)('%s', (_, files, without, expected) => {
    const state = stateOf(files, without);
    expect(state.armed).toBe(false);
    expect(lastLine(stateText(state))).toMatch(/^not armed: /);
    expect(lastLine(stateText(state))).toMatch(expected);
  });
});

describe('armed, with a warning', () => {
  const cases: [string, Files, RegExp][] = [
    [
      'too little reserved',
      { '/sys/kernel/kexec_crash_size': `${80 << 20}\n` },
      /80M are reserved, and at least 112M are needed.*kdumpling enable --crashkernel auto/,
    ],
    [
      'an initrd that was rebuilt after the load',
      { '/run/kdumpling/loaded.json': JSON.stringify({ ...LOADED, imageSha256: 'ab' }) },
      /warning: the initrd was rebuilt after the crash kernel was loaded; to fix it: kdumpling load/,
    ],
    [
      'another command line',
      { '/etc/kdump.conf': 'command_line_append nr_cpus=2\n' },
      /warning: the crash kernel was loaded with another command line/,
    ],
    [
      'a crash kernel of another program',
      { '/run/kdumpling/loaded.json': '' },
      /warning: kdumpling did not load the crash kernel that is loaded/,
    ],
    [
      'much too much',
      { '/sys/kernel/kexec_crash_size': `${512 << 20}\n` },
      /512M are reserved, and 128M would do/,
    ],
    [
      'lent memory beside a dump that is to have its pages',
      { ...LENDING, '/etc/kdump.conf': 'core_collector makedumpfile -z -d 1\n' },
      /128M of the memory are lent to processes until a crash \(crashkernel=…,cma\): a dump at level 1 keeps pages of processes, but not those that are there; to fix it: run `kdumpling enable/,
    ],
    [
      'mounted read-only',
      { '/proc/self/mountinfo': '21 1 254:1 / / ro - ext4 /dev/vda1 ro\n' },
      /mounted read-only now/,
    ],
    [
      'no space',
      { '/proc/meminfo': 'MemTotal: 99999999999999 kB\n' },
      /\/var\/crash has room for a dump of .*, and a dump taken now would need about/,
    ],
  ];
  test.each(cases)('%s', (_, files, expected) => {
    const state = stateOf(files);
    expect(state.armed).toBe(true);
    expect(stateText(state)).toMatch(expected);
  });
});

test('how many CPUs the crash kernel gets is shown, and why', () => {
  const machine = {
    '/sys/devices/system/cpu/present': '0-7\n',
    '/proc/cpuinfo': 'flags : hypervisor\ninitial apicid : 0\n',
  };
  const one = stateOf(machine);
  if (process.arch === 'x64')
    expect(stateText(one)).toMatch(/^crash kernel: 2 CPUs \(with \d+M reserved it would get 3\)$/m);
  expect(stateData(one)).toMatchObject({
    crashCpus: { count: process.arch === 'x64' ? 2 : 1, why: expect.any(String) },
  });
  const asked = stateOf({ ...machine, '/etc/kdump.conf': 'command_line_append nr_cpus=2\n' });
  expect(stateText(asked)).toContain('\ncrash kernel: 2 CPUs (by `command_line_append nr_cpus=2`)\n');
});

test('what is lent until the crash is shown beside what is the crash kernel’s alone', () => {
  const { facts, ...state } = stateOf(LENDING);
  expect(stateText({ facts, ...state })).toMatch(/^reserved: 112M and 128M,cma, minimum 112M$/m);
  expect(stateData({ facts, ...state })).toMatchObject({
    reservedBytes: 112 << 20,
    reservedCmaBytes: 128 << 20,
  });
});

test('obstacles are distinguished from steps that have not been taken yet', () => {
  const notDone = stateOf({ '/sys/kernel/kexec_crash_size': '0\n', '/proc/cmdline': 'ro\n' });
  expect(notDone.armed).toBe(false);
  expect(obstaclesOf(notDone.facts)).toEqual([]);
  const cannot = stateOf({ '/proc/sys/kernel/kexec_load_disabled': '1\n' });
  expect(obstaclesOf(cannot.facts)).toMatchObject([{ check: 'kexec', blocks: true }]);
});

test('the crash kernel’s command line and the reasons for it are shown on request', () => {
  const state = stateOf({
    '/proc/cmdline': 'ro quiet crashkernel=192M console=ttyS0\n',
    '/etc/kdump.conf': 'command_line_append nr_cpus=2\ncommand_line_remove console\n',
  });
  expect(stateText(state)).not.toContain('command line:');
  const lines = stateText(state, { verbose: true }).split('\n');
  const at = lines.findIndex(line => line.startsWith('crash kernel command line: ro irqpoll reset_devices '));
  expect(lines.slice(at + 1, at + 8)).toEqual([
    expect.stringMatching(/^ {2}\d+ of at most 2016 bytes$/),
    'left out of it:',
    expect.stringMatching(/^ {2}quiet +it mutes the console; /),
    expect.stringMatching(/^ {2}crashkernel=192M {2}it /),
    '  console=ttyS0     command_line_remove removes it',
    '  nr_cpus=1         command_line_append replaces it',
    'added by kdumpling:',
  ]);
  expect(lines).toContain('added by command_line_append: nr_cpus=2');
  expect(stateData(state)).toMatchObject({
    commandLine: {
      text: expect.stringMatching(/^ro irqpoll .* nr_cpus=2$/),
      leftOut: expect.arrayContaining([{ word: 'quiet', why: expect.any(String) }]),
      appended: ['nr_cpus=2'],
    },
  });
});

describe('the result of a test', () => {
  const DUMP = { '/var/crash/20261121T220234Z/vmcore': '', '/proc/version': 'Linux 6.1.0 #1\n' };
  const tested = subjectOf(stateOf({ ...DUMP }).facts);
  const record = { bootId: 'b', time: '2026-11-21T22:02:30Z', dumps: [], tested };

  const changes: [string, Files, string][] = [
    ['nothing', {}, ''],
    ['the kernel', { '/proc/version': 'Linux 6.1.0 #2\n' }, 'the kernel has'],
    [
      'the image',
      { '/run/kdumpling/loaded.json': JSON.stringify({ ...LOADED, imageSha256: 'ab' }) },
      'the initrd has',
    ],
    ['the config', { '/etc/kdump.conf': 'path /var/crash\n' }, 'the config has'],
    [
      'the command line',
      { '/run/kdumpling/loaded.json': JSON.stringify({ ...LOADED, commandLine: 'x' }) },
      'the crash kernel’s command line has',
    ],
    ['the reservation', { '/sys/kernel/kexec_crash_size': `${256 << 20}` }, 'the reserved memory has'],
    [
      'all of them',
      {
        '/proc/version': 'Linux 6.1.0 #2\n',
        '/run/kdumpling/loaded.json': JSON.stringify({ imageSha256: 'ab', commandLine: 'x' }),
        '/etc/kdump.conf': '',
        '/sys/kernel/kexec_crash_size': '1',
      },
      'the kernel, the initrd, the config, the crash kernel’s command line and the reserved memory have',
    ],
  ];
  test.each(changes)('ages with %s', (_, files, words) => {
    const now = subjectOf(stateOf({ ...DUMP, ...files }).facts);
    const dump = { id: 'd', time: new Date(record.time), state: 'complete' } as Dump;
    const { passed, text, changed } = judgeTest(record, 'c', [dump], now);
    expect(passed).toBe(true);
    expect(changed.length === 0).toBe(words === '');
    if (words === '') expect(text).toMatch(/was captured: d$/);
    else expect(text).toContain(`was captured: d, but ${words} changed since: run \`kdumpling test\` again`);
  });

  test('of version 0.1.0 says nothing about changes', () => {
    const { tested: _, ...old } = record;
    expect(judgeTest(old, 'c', [], tested).changed).toEqual([]);
  });

  test('is shown', () => {
    const state = stateOf({
      ...DUMP,
      '/var/lib/kdumpling/test.json': JSON.stringify({ ...record, bootId: 'b' }),
      '/proc/sys/kernel/random/boot_id': 'b\n',
    });
    expect(stateText(state)).toContain('did not crash this machine');
    expect(stateData(state)).toMatchObject({ test: { passed: false, changed: [] } });
  });

  test('of a damaged record is none', () => {
    expect(stateOf({ '/var/lib/kdumpling/test.json': '{' }).test).toBeUndefined();
  });
});

test('Secure Boot with kexec_file_load is fine', () => {
  const variable = '/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c';
  const state = stateOf({ [variable]: '\x06\0\0\0\x01' });
  expect(state.facts.isSecureBoot).toBe(true);
  expect(state.armed).toBe(true);
});

test('a kernel config in /proc/config.gz, and none at all', () => {
  const packed = gzipSync(CONFIG.replace('CONFIG_CRASH_DUMP=y\n', '')).toString('latin1');
  expect(stateOf({ '/proc/config.gz': packed }, [`/boot/config-${KVER}`]).armed).toBe(false);
  expect(stateOf({}, [`/boot/config-${KVER}`]).armed).toBe(true);
});

test('with an unknown boot loader, the next boot is assumed to be like this one', () => {
  expect(stateOf({}, ['/etc/default/grub']).facts.enabled).toBe(true);
  expect(stateOf({ '/proc/cmdline': 'ro\n' }, ['/etc/default/grub']).facts.enabled).toBe(false);
});

/** As GKE's DaemonSets read it. */
test('each line that COS’s tools look for appears once', () => {
  for (const state of [stateOf(), stateOf({ '/sys/kernel/kexec_crash_size': '0\n' })]) {
    const lines = stateText(state).split('\n');
    for (const words of ['kdump enabled', 'kdump ready', 'kdump kernel loaded'])
      expect(lines.filter(line => line.includes(words))).toHaveLength(1);
  }
});

test('sysctls are set on request, and restored unless somebody else changed them', () => {
  const files = Object.fromEntries(
    SYSCTLS.map(({ name }) => [`/proc/sys/${name.replaceAll('.', '/')}`, '0\n']),
  );
  const host = hostWith({ ...files, '/etc/sysctl.d/': '' });
  setSysctls(host);
  setSysctls(host);
  expect(textOf(host, '/etc/sysctl.d/60-kdumpling.conf')).toContain('\nkernel.panic_on_oops = 1\n');
  expect(textOf(host, '/proc/sys/kernel/panic_on_oops')).toBe('1');
  expect(textOf(host, '/proc/sys/kernel/hung_task_panic')).toBe('0\n');
  addFiles(host, { '/proc/sys/kernel/softlockup_panic': '2' });
  unsetSysctls(host);
  unsetSysctls(host);
  expect(textOf(host, '/proc/sys/kernel/panic_on_oops')).toBe('0');
  expect(textOf(host, '/proc/sys/kernel/softlockup_panic')).toBe('2');
  expect(host.list('/etc/sysctl.d')).toEqual([]);
  expect(host.list('/var/lib/kdumpling')).toEqual([]);
});

describe.skipIf(process.getuid?.() !== 0)('a dump directory that is not root’s alone', () => {
  const asked = (mode: number, uid = 0, gid = 0) => {
    const host = hostWith({ ...ARMED, '/var/crash/20270101T000000Z/vmcore': 'x' }, COMMANDS);
    chownSync(host.path('/var/crash/20270101T000000Z'), 65534, 65534);
    chownSync(host.path('/var/crash'), uid, gid);
    chmodSync(host.path('/var/crash'), mode);
    return readState(host);
  };
  const warnings = (state: ReturnType<typeof readState>) =>
    state.findings
      .filter(({ check }) => check === 'dump directory')
      .map(({ text, fix }) => `${text}: ${fix}`);

  test.each([
    [0o1777, 0, 0, 'every user may write to /var/crash'],
    [0o777, 0, 0, 'every user may write to /var/crash'],
    [0o2775, 0, 65534, 'the members of group 65534 may write to /var/crash'],
    [0o755, 65534, 0, '/var/crash belongs to user 65534'],
  ])('mode %o, user %d, group %d', (mode, uid, gid, flaw) => {
    const state = asked(mode, uid, gid);
    expect(warnings(state)).toEqual([
      `${flaw}: dumps of other users are ignored, and dumps can be deleted: chown root:root /var/crash && chmod 755 /var/crash`,
    ]);
    expect(state.armed).toBe(true);
    expect(stateText(state)).toContain(`warning: ${flaw}`);
  });

  test.each([
    [0o755, 0],
    [0o700, 0],
    [0o775, 0],
  ])('mode %o of root’s', (mode, gid) => {
    expect(warnings(asked(mode, 0, gid))).toEqual([]);
  });

  test('what is ignored is shown, with the reason', () => {
    const state = asked(0o1777);
    const line = 'ignored: /var/crash/20270101T000000Z: it belongs to user 65534; expected root';
    expect(stateText(state).split('\n')).toContain(line);
    expect(stateData(state)).toMatchObject({ ignored: [{ id: '20270101T000000Z' }] });
  });
});

test('of many dumps the newest are shown, and how many more there are', () => {
  const dumps = Array.from({ length: 14 }, (_, i) => `/var/crash/202611${10 + i}T000000Z/vmcore`);
  const text = stateText(stateOf(Object.fromEntries(dumps.map(path => [path, 'x']))));
  expect(text.match(/^ {2}\d{8}T\d{6}Z /gm)).toHaveLength(10);
  expect(text).toMatch(/^dumps: 15$/m);
  expect(text).toMatch(/^ {2}and 5 older ones; see kdumpling list$/m);
});
