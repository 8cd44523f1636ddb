/**
 * What sets crashkernel= on other systems, against their own tools and the files these make: systemd's kernel-install;
 * libostree's deployments, with `rpm-ostree kargs` imitated by the library's functions that it calls (Debian has no
 * rpm-ostree); and what no package of Debian's has, where somebody put it into the cache (README, "Files of other systems").
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, globSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { openCache } from '../../qemu/cache.ts';
import { fetchTool, type Tool, type ToolName } from '../../qemu/packages/tools.ts';
import { crashkernelOf } from '../../scripts/boot-loader/boot-loader.ts';
import { findBootLoader, setCrashkernel, unsetCrashkernel } from '../../scripts/boot-loader/boot-loaders.ts';
import { changeEntries } from '../../scripts/boot-loader/cos.ts';
import { addFiles, textOf } from '../support/host-root.ts';
import { makeRealRoot, type RealRoot } from '../support/real-root.ts';

const cache = openCache();
const real = join(cache.dir, 'real');
const MACHINE_ID = '0123456789abcdef0123456789abcdef';
const [KVER, OTHER_KVER, NEW_KVER] = [
  '6.5.6-300.fc39.x86_64',
  '6.4.9-200.fc38.x86_64',
  '6.6.1-1.fc39.x86_64',
];

const tools = new Map<ToolName, Tool>();
beforeAll(async () => {
  for (const name of ['systemd', 'ostree', 'grub'] as const) tools.set(name, await fetchTool(cache, name));
});
const tool = (name: ToolName) => tools.get(name)!;

interface System {
  /** The driver's. */
  readonly name: string;
  /** A machine of this kind, with a crashkernel= of its owner's. */
  machine(value?: string): RealRoot;
  /** All that is to come back. */
  state(host: RealRoot): string;
  /** The command line of each boot entry. */
  commandLines(host: RealRoot): string[];
  /** Somebody else's change. */
  addWord(host: RealRoot, word: string): void;
  /** A kernel update. */
  addKernel?(host: RealRoot): void;
}

const ENTRIES = '/boot/loader/entries';
const GRUBENV = '/boot/grub2/grubenv';

function kernelFiles(kver: string) {
  return {
    [`/boot/vmlinuz-${kver}`]: `MZ ${kver}`,
    [`/boot/initrd.img-${kver}`]: 'initrd',
    [`/lib/modules/${kver}/`]: '',
  };
}

function optionsOf(host: RealRoot): string[] {
  const entries = host.list(ENTRIES).map(name => textOf(host, `${ENTRIES}/${name}`));
  return entries.map(text => /^options\s+(.*)$/m.exec(text)![1]!);
}

/** Every file's text, but those of the tools and ours. */
function filesOf(host: RealRoot): string {
  const folders = ['boot', 'etc'].map(folder => host.path(`/${folder}`));
  return execFileSync(
    'find',
    [...folders, '-type', 'f', '-printf', '%P\n', '-exec', 'sha256sum', '{}', ';'],
    {
      encoding: 'utf8',
    },
  )
    .replaceAll(host.root, '')
    .split('\n')
    .sort()
    .join('\n');
}

function systemdBoot(commandLine: string | undefined): System {
  const addKernel = (host: RealRoot, kver: string) => {
    addFiles(host, kernelFiles(kver));
    host.must('kernel-install', 'add', kver, `/boot/vmlinuz-${kver}`);
  };
  return {
    name: 'systemd-boot (/etc/kernel/cmdline)',
    machine(value) {
      const words = (text: string) => (value ? `${text} crashkernel=${value}` : text);
      const installed = tool('systemd').root;
      const host = makeRealRoot(
        {
          '/etc/machine-id': `${MACHINE_ID}\n`,
          '/etc/os-release': 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\n',
          '/proc/cmdline': `initrd=\\${MACHINE_ID}\\initrd ${words('root=UUID=1 ro quiet')}\n`,
          ...(commandLine === undefined ? {} : { '/etc/kernel/cmdline': words(commandLine) }),
          [`/boot/${MACHINE_ID}/`]: '',
          '/boot/loader/entries.srel': 'type1\n',
        },
        {
          [join(installed, 'usr/bin/kernel-install')]: 'usr/bin/kernel-install',
          [join(installed, 'usr/lib/kernel')]: 'usr/lib/kernel',
        },
      );
      addKernel(host, KVER);
      addKernel(host, OTHER_KVER);
      return host;
    },
    state: filesOf,
    commandLines: optionsOf,
    addWord(host, word) {
      const text = host.read('/etc/kernel/cmdline') ?? 'root=UUID=1 ro quiet\n';
      addFiles(host, { '/etc/kernel/cmdline': text.replace(' quiet', ` ${word} quiet`) });
      host.must('kernel-install', 'add', KVER, `/boot/vmlinuz-${KVER}`);
      host.must('kernel-install', 'add', OTHER_KVER, `/boot/vmlinuz-${OTHER_KVER}`);
    },
    addKernel: host => addKernel(host, NEW_KVER),
  };
}

function rpmOstree(): System {
  const ostree = (host: RealRoot, ...args: string[]) => {
    const [command, ...rest] = [...tool('ostree').argv, ...args];
    return execFileSync(command, rest, { cwd: host.root, encoding: 'utf8', stdio: 'pipe' });
  };
  /** Of the deployment that boots next, as `rpm-ostree kargs` says it. */
  const current = (host: RealRoot) =>
    optionsOf(host)
      .at(-1)!
      .replace(/ ostree=\S+/, '');
  const changed = (options: string, flags: readonly string[]) => {
    const { root, argv } = tool('ostree');
    const [loader, flag, libraries] = argv as readonly [string, string, string];
    const python = [flag, libraries, join(root, 'usr/bin/python3')];
    const script = join(import.meta.dirname, '../support/kernel_args.py');
    return execFileSync(loader, [...python, script, options, ...flags], {
      encoding: 'utf8',
      stdio: 'pipe',
      env: { PYTHONHOME: join(root, 'usr') },
    }).trim();
  };
  const deploy = (host: RealRoot, options: string) => {
    const words = options.split(' ').map(word => `--karg-append=${word}`);
    ostree(host, 'admin', '--sysroot=.', 'deploy', '--os=fedora-coreos', '--karg-none', ...words, 'stable');
  };
  const kargs = (host: RealRoot, flags: readonly string[]) => {
    if (flags.length > 0) deploy(host, changed(current(host), flags));
    return `${current(host)}\n`;
  };
  return {
    name: 'rpm-ostree kargs',
    machine(value) {
      const host: RealRoot = makeRealRoot(
        {
          '/run/ostree-booted': '',
          [`/tree/usr/lib/modules/${KVER}/vmlinuz`]: 'MZ',
          [`/tree/usr/lib/modules/${KVER}/initramfs.img`]: 'initrd',
          '/tree/usr/lib/os-release': 'ID=fedora\nPRETTY_NAME="Fedora CoreOS 39"\n',
          '/tree/usr/etc/os-release': '-> ../lib/os-release',
        },
        {},
        {
          'rpm-ostree'(_, [, ...flags]) {
            try {
              return { status: 0, stdout: kargs(host, flags), stderr: '' };
            } catch (error) {
              return { status: 1, stdout: '', stderr: (error as { stderr: string }).stderr };
            }
          },
        },
      );
      ostree(host, 'admin', 'init-fs', '.');
      ostree(host, 'admin', '--sysroot=.', 'os-init', 'fedora-coreos');
      ostree(host, '--repo=ostree/repo', 'commit', '-b', 'stable', '--tree=dir=tree');
      const own = value ? ` crashkernel=${value}` : '';
      deploy(host, `root=UUID=1 rw${own} ignition.platform.id=qemu console=tty0 console=ttyS0,115200n8`);
      return host;
    },
    state: current,
    commandLines: host => [current(host)],
    addWord: (host, word) => void host.must('rpm-ostree', 'kargs', `--append-if-missing=${word}`),
  };
}

/**
 * As Fedora's installer leaves it. @param script grubby, as its package has it.
 * @param shared as RHEL 8's does: the command line in grubenv, and a variable in each entry.
 */
function grubby(script: string, shared = false): System {
  const addKernel = (host: RealRoot, kver: string, args: string) => {
    addFiles(host, kernelFiles(kver));
    const entry = [
      `--add-kernel=/boot/vmlinuz-${kver}`,
      `--title=Fedora Linux (${kver})`,
      ...args.split('\n'),
    ];
    host.must('grubby', ...entry, `--initrd=/boot/initramfs-${kver}.img`);
  };
  const kernelopts = (host: RealRoot) =>
    /^kernelopts=(.*)$/m.exec(host.must('grub2-editenv', GRUBENV, 'list'))?.[1] ?? '';
  return {
    name: 'grubby',
    machine(value) {
      const own = value ? ` crashkernel=${value}` : '';
      const host = makeRealRoot(
        {
          '/etc/machine-id': `${MACHINE_ID}\n`,
          '/etc/os-release': 'NAME="Fedora Linux"\nVERSION="39 (Server Edition)"\nID=fedora\n',
          '/etc/default/grub': [
            'GRUB_TIMEOUT=5',
            'GRUB_CMDLINE_LINUX_DEFAULT="loglevel=4"',
            `GRUB_CMDLINE_LINUX="rhgb  quiet${own}"`,
            'GRUB_ENABLE_BLSCFG=true',
            '',
          ].join('\n'),
          // A program of RHEL's beside it, which sorts as RPM does.
          '/usr/libexec/grubby/rpm-sort': '#!/bin/sh\nexec sort -V\n',
        },
        {
          [script]: 'usr/sbin/grubby',
          [join(tool('grub').root, 'usr/bin/grub-editenv')]: 'usr/bin/grub2-editenv',
        },
      );
      chmodSync(host.path('/usr/libexec/grubby/rpm-sort'), 0o755);
      addFiles(host, { '/boot/efi/EFI/': '', '/boot/grub2/': '' });
      host.must('grub2-editenv', '/boot/efi/EFI/grubenv', 'create');
      symlinkSync('../efi/EFI/grubenv', host.path(GRUBENV));
      const words = `root=UUID=1 ro${own} rhgb quiet`;
      if (shared) host.must('grub2-editenv', GRUBENV, 'set', `kernelopts=${words}`);
      for (const kver of [OTHER_KVER, KVER])
        addKernel(host, kver, `--args=${shared ? '$kernelopts' : words}`);
      // What a person's editor leaves.
      const entry = `${ENTRIES}/${MACHINE_ID}-${KVER}.conf`;
      addFiles(host, { [entry]: textOf(host, entry).replace('rhgb quiet', 'rhgb  quiet') });
      return host;
    },
    state: filesOf,
    commandLines: host => optionsOf(host).map(line => line.replace('$kernelopts', () => kernelopts(host))),
    addWord(host, word) {
      const changed = (text: string) => text.replace(/ ro /, ` ro ${word} `);
      if (shared) host.must('grub2-editenv', GRUBENV, 'set', `kernelopts=${changed(kernelopts(host))}`);
      for (const name of host.list(ENTRIES)) {
        const path = `${ENTRIES}/${name}`;
        addFiles(host, { [path]: changed(textOf(host, path)) });
      }
    },
    addKernel: host => addKernel(host, NEW_KVER, '--copy-default'),
  };
}

const grubbies = globSync('grubby-*', { cwd: real });
const SYSTEMS: readonly [string, System][] = [
  ['systemd-boot', systemdBoot('root=UUID=1   ro quiet\n')],
  ['systemd-boot without /etc/kernel/cmdline', systemdBoot(undefined)],
  ['Fedora CoreOS', rpmOstree()],
  ...grubbies.map((name): [string, System] => [name, grubby(join(real, name))]),
  ...grubbies.map((name): [string, System] => [`${name}, kernelopts`, grubby(join(real, name), true)]),
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
    expect(loader.configured(host)).toBeUndefined();
    expect(setCrashkernel(host, loader, '192M')).toBe(true);
    each(host, 'crashkernel=192M');
    expect(setCrashkernel(host, loader, '192M')).toBe(false);
    setCrashkernel(host, loader, '1G-4G:192M,4G-:256M@16M');
    expect(loader.configured(host)).toBe('1G-4G:192M,4G-:256M@16M');
    each(host, 'crashkernel=1G-4G:192M,4G-:256M@16M');
    expect(unsetCrashkernel(host)).toBe(true);
    expect(system.state(host)).toBe(before);
    expect(unsetCrashkernel(host)).toBe(false);
  });

  test("what was the owner's own comes back", () => {
    const { host, loader } = machineOf('1G-4G:192M,4G-64G:256M');
    const before = system.state(host);
    expect(loader.configured(host)).toBe('1G-4G:192M,4G-64G:256M');
    setCrashkernel(host, loader, '192M');
    each(host, 'crashkernel=192M');
    unsetCrashkernel(host);
    expect(system.state(host)).toBe(before);
  });

  test('changed by somebody else before and after ours: only our word goes', () => {
    const { host, loader } = machineOf();
    const added = (word: string) =>
      system.commandLines(host).filter(line => line.includes(` ${word}`)).length;
    const entries = system.commandLines(host).length;
    setCrashkernel(host, loader, '192M');
    each(host, 'crashkernel=192M');
    system.addWord(host, 'early=1');
    setCrashkernel(host, loader, '256M');
    system.addWord(host, 'late=1');
    expect([added('early=1'), added('late=1')]).toEqual([entries, entries]);
    unsetCrashkernel(host);
    each(host);
    expect([added('early=1'), added('late=1')]).toEqual([entries, entries]);
  });

  test.runIf(system.addKernel)('a kernel that came meanwhile has it, and loses it', () => {
    const { host, loader } = machineOf();
    setCrashkernel(host, loader, '192M');
    addFiles(host, { '/proc/cmdline': 'root=UUID=1 ro crashkernel=192M quiet\n' });
    system.addKernel!(host);
    expect(words(host)).toHaveLength(3);
    each(host, 'crashkernel=192M');
    unsetCrashkernel(host);
    each(host);
  });
});

if (grubbies.length === 0) test.skip(`grubby: there is none in ${real}`, () => undefined);

describe.each(globSync('cos-*.cfg', { cwd: real }))('%s', name => {
  const text = readFileSync(join(real, name), 'utf8');

  test('every entry of a COS gets the word, GRUB reads it, and it comes out again', () => {
    const set = changeEntries(text, '192M');
    const linux = set.split('\n').filter(line => /^\s*linux /.test(line));
    expect(linux).toHaveLength(5);
    for (const line of linux) expect(crashkernelOf(line)).toBe('192M');
    expect(changeEntries(changeEntries(set, '256M'), undefined)).toBe(text);
    const check = spawnSync(tool('grub').argv[0]!, tool('grub').argv.slice(1), {
      input: set,
      encoding: 'utf8',
    });
    expect({ status: check.status, stderr: check.stderr }).toEqual({ status: 0, stderr: '' });
  });
});
