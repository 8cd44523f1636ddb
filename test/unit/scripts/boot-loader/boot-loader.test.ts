/**
 * Each driver on files as its system has them, with imitated commands: for what real ones cannot be made to do (fail, be
 * interrupted), and quick. test/hosts has the real ones.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, statSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  configuredCrashkernel,
  findBootLoader,
  noBootLoader,
  setCrashkernel,
  unsetCrashkernel,
} from '../../../../scripts/lib/boot-loader/boot-loaders.ts';
import { effectiveValues } from '../../../../scripts/lib/crashkernel/reading.ts';
import { crashkernelValues, withCrashkernel } from '../../../../scripts/lib/crashkernel/words.ts';
import { type Host, openHost } from '../../../../scripts/lib/host/host.ts';
import {
  addFiles,
  type Commands,
  digestsOf,
  type Files,
  hostWith,
  textOf,
} from '../../../support/host-root.ts';

const ORIGINAL_GRUB = `# If you change this file, run 'update-grub' afterwards to update
GRUB_DEFAULT=0
GRUB_TIMEOUT=5
GRUB_DISTRIBUTOR=\`lsb_release -i -s 2> /dev/null || echo Debian\`
GRUB_CMDLINE_LINUX_DEFAULT="quiet"
GRUB_CMDLINE_LINUX="console=ttyS0"
`;

/** What the shell makes of them, as grub-mkconfig reads them, in its order. */
function updateGrub(host: Host): string {
  const script =
    'set -e; . "$0/etc/default/grub"; for x in "$0"/etc/default/grub.d/*.cfg; do if [ -e "$x" ]; then . "$x"; fi; done; echo "$GRUB_CMDLINE_LINUX $GRUB_CMDLINE_LINUX_DEFAULT"';
  const words = execFileSync('/bin/sh', ['-c', script, host.root], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  }).trim();
  addFiles(host, {
    '/boot/grub/grub.cfg': `menuentry 'Debian GNU/Linux' {\n\tlinux\t/boot/vmlinuz-6.1.0 root=UUID=x ro ${words}\n}\n`,
  });
  return '';
}

/** grubby, as it was seen to: the word goes to the end, blanks become single, and other files are written too. */
function grubby(args: readonly string[], host: Host): string {
  const entry = '/boot/loader/entries/abc-6.5.6.conf';
  const text = textOf(host, entry);
  const words = /^options (.*)$/m.exec(text)![1]!.split(/ +/);
  if (args[0]!.startsWith('--info'))
    return `index=0\nkernel="/boot/vmlinuz-6.5.6"\nargs="${words.slice(1).join(' ')}"\nroot="${words[0]}"\n`;
  const [, kind, given] = /^--(args|remove-args)=(.*)$/.exec(args[1]!)!;
  const changed = given!.split(' ');
  const name = (word: string) => word.split('=')[0];
  const rest = words.filter(word =>
    kind === 'args'
      ? !changed.some(one => name(one) === name(word))
      : !changed.some(one => one === word || one === name(word)),
  );
  const options = [...rest, ...(kind === 'args' ? changed : [])].join(' ');
  addFiles(host, {
    [entry]: text.replace(/^options .*$/m, `options ${options}`),
    '/etc/kernel/cmdline': `${options}\n`,
    '/etc/default/grub': textOf(host, '/etc/default/grub').replace(
      /^GRUB_CMDLINE_LINUX.*/gm,
      `GRUB_CMDLINE_LINUX="${options}"`,
    ),
  });
  return '';
}

function rpmOstree(args: readonly string[], host: Host): string | undefined {
  const file = '/state/kargs';
  let words = textOf(host, file).trim().split(' ');
  for (const arg of args.slice(1)) {
    const [, kind, word] = /^--(append-if-missing|delete-if-present|replace)=(.*)$/.exec(arg)!;
    if (kind === 'append-if-missing' && !words.includes(word!)) words.push(word!);
    if (kind === 'delete-if-present') words = words.filter(one => one !== word);
    if (kind === 'replace') {
      const [name, before, after] = word!.split('=');
      const at = words.indexOf(`${name}=${before}`);
      if (at < 0) return undefined;
      words[at] = `${name}=${after}`;
    }
  }
  addFiles(host, { [file]: `${words.join(' ')}\n` });
  return `${words.join(' ')}\n`;
}

/** The entry of a kernel, with the command line that systemd's own takes. */
function kernelInstall([, kver]: readonly string[], host: Host): string {
  const words = (host.read('/etc/kernel/cmdline') ?? '').trim();
  addFiles(host, { [`/boot/loader/entries/debian-${kver}.conf`]: `title Debian\noptions ${words}\n` });
  return '';
}

const KERNELS = { '/lib/modules/6.1.0-1/': '', '/boot/vmlinuz-6.1.0-1': 'MZ', '/lib/modules/removed/': '' };

const COS_ENTRY =
  'init=/usr/lib/systemd/systemd boot=local rootwait ro noresume loglevel=7 noinitrd console=ttyS0 security=apparmor virtio_net.napi_tx=1 cros_efi module.sig_enforce=1';
const COS_GRUB_CFG = `defaultA=2
defaultB=3
gptpriority $grubdisk 2 prioA
gptpriority $grubdisk 4 prioB

if [ $prioA -lt $prioB ]; then
  set default=$defaultB
else
  set default=$defaultA
fi

set timeout=0

menuentry "local image A" {
  linux /syslinux/vmlinuz.A ${COS_ENTRY} root=PARTUUID=05CE9E5A-1A63-4D43-9B6F-6F4F4BBB4A2C
}

menuentry "verified image B" {
  linux /syslinux/vmlinuz.B ${COS_ENTRY} dm_verity.error_behavior=3 root=/dev/dm-0 dm="1 vroot none ro 1,0 4077568 verity payload=PARTUUID=05CE alg=sha256 root_hexdigest=ab salt=cd"
}

menuentry "Alternate USB Boot" {
  linux (hd0,3)/boot/vmlinuz init=/usr/lib/systemd/systemd boot=local root=PARTUUID=05CE9E5A-1A63-4D43-9B6F-6F4F4BBB4A2C i915.modeset=1 cros_efi
}
`;

/** mount and umount of the EFI partition, whose files are kept below /efi-partition. */
const COS_MOUNTS: Commands = {
  mount(args, host) {
    addFiles(host, { [`${args.at(-1)}/efi/boot/grub.cfg`]: textOf(host, '/efi-partition') });
    return '';
  },
  umount([mountpoint], host) {
    addFiles(host, { '/efi-partition': textOf(host, `${mountpoint}/efi/boot/grub.cfg`) });
    execFileSync('rm', ['-r', host.path(`${mountpoint}/efi`)]);
    return '';
  },
};

interface System {
  readonly name: string;
  readonly files: Files;
  readonly commands: Commands;
  /** What a person of that system edits, or its tool. */
  readonly file: string;
  readonly withCrashkernel: (value: string) => Files;
}

const BLS = (more = '') => ({
  '/boot/loader/entries/abc-6.5.6.conf': `title Fedora Linux\nversion 6.5.6\nlinux /vmlinuz-6.5.6\ninitrd /initramfs-6.5.6.img\noptions root=UUID=1 ro${more} rhgb  quiet\ngrub_users $grub_users\n`,
});

const SYSTEMS: readonly System[] = [
  {
    name: 'GRUB (/etc/default/grub.d)',
    files: {
      '/etc/default/grub': ORIGINAL_GRUB,
      '/boot/grub/grub.cfg': '\tlinux /boot/vmlinuz-6.1.0 console=ttyS0 quiet\n',
    },
    commands: { 'update-grub': (_, host) => updateGrub(host) },
    file: '/etc/default/grub',
    withCrashkernel: value => ({
      '/etc/default/grub.d/kdump-tools.cfg': `GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT crashkernel=${value}"\n`,
      '/boot/grub/grub.cfg': `\tlinux /boot/vmlinuz-6.1.0 console=ttyS0 quiet crashkernel=${value}\n`,
    }),
  },
  {
    name: 'grubby',
    files: { '/etc/default/grub': `${ORIGINAL_GRUB}GRUB_ENABLE_BLSCFG=true\n`, ...BLS() },
    commands: { grubby },
    file: '/boot/loader/entries/abc-6.5.6.conf',
    withCrashkernel: value => BLS(` crashkernel=${value}`),
  },
  {
    name: 'rpm-ostree kargs',
    files: { '/run/ostree-booted': '', '/state/kargs': 'root=UUID=1 rw ignition.platform.id=qemu\n' },
    commands: { 'rpm-ostree': rpmOstree, grubby: () => '' },
    file: '/state/kargs',
    withCrashkernel: value => ({
      '/state/kargs': `root=UUID=1 rw crashkernel=${value} ignition.platform.id=qemu\n`,
    }),
  },
  {
    name: 'systemd-boot (/etc/kernel/cmdline)',
    files: {
      '/etc/kernel/cmdline': 'root=UUID=1 ro quiet\n',
      '/boot/loader/entries/debian-6.1.0-1.conf': 'title Debian\noptions root=UUID=1 ro quiet\n',
      ...KERNELS,
    },
    commands: { 'kernel-install': kernelInstall },
    file: '/etc/kernel/cmdline',
    withCrashkernel: value => ({
      '/etc/kernel/cmdline': `root=UUID=1 ro crashkernel=${value} quiet\n`,
      '/boot/loader/entries/debian-6.1.0-1.conf': `title Debian\noptions root=UUID=1 ro crashkernel=${value} quiet\n`,
    }),
  },
  {
    name: "COS's grub.cfg",
    files: { '/etc/os-release': 'NAME="Container-Optimized OS"\nID=cos\n', '/efi-partition': COS_GRUB_CFG },
    commands: COS_MOUNTS,
    file: '/efi-partition',
    withCrashkernel: value => ({
      '/efi-partition': COS_GRUB_CFG.replaceAll('cros_efi', `cros_efi crashkernel=${value}`),
    }),
  },
];

describe.each(SYSTEMS)('$name', ({ name, files, commands, file, withCrashkernel }) => {
  const machine = (more: Files = {}) => {
    const host = hostWith({ ...files, ...more }, commands);
    return { host, loader: findBootLoader(host)! };
  };
  const tree = (host: Host) => digestsOf(host, '.');

  test('is found, set, and undone byte for byte', () => {
    const { host, loader } = machine();
    expect(loader.name).toBe(name);
    if (name.startsWith('GRUB')) updateGrub(host);
    const before = tree(host);
    expect(configuredCrashkernel(host, loader)).toEqual([]);
    expect(setCrashkernel(host, loader, ['192M'])).toBe(true);
    expect(configuredCrashkernel(host, loader)).toEqual(['192M']);
    expect(unsetCrashkernel(host)).toBe(true);
    expect(tree(host)).toBe(before);
  });

  test('set twice, changed, undone twice: the first state comes back', () => {
    const { host, loader } = machine();
    if (name.startsWith('GRUB')) updateGrub(host);
    const before = tree(host);
    setCrashkernel(host, loader, ['192M']);
    const ran = host.ran.length;
    expect(setCrashkernel(host, loader, ['192M'])).toBe(false);
    expect(host.ran.slice(ran).filter(line => !/info|kargs$|mount/.test(line))).toEqual([]);
    setCrashkernel(host, loader, ['256M']);
    expect(configuredCrashkernel(host, loader)).toEqual(['256M']);
    expect(unsetCrashkernel(host)).toBe(true);
    expect(unsetCrashkernel(host)).toBe(false);
    expect(tree(host)).toBe(before);
  });

  test("what was the user's own comes back", () => {
    const { host, loader } = machine(withCrashkernel('64M'));
    if (name.startsWith('GRUB')) updateGrub(host);
    const before = tree(host);
    expect(configuredCrashkernel(host, loader)).toEqual(['64M']);
    setCrashkernel(host, loader, ['192M']);
    expect(effectiveValues(configuredCrashkernel(host, loader))).toEqual(['192M']);
    unsetCrashkernel(host);
    expect(configuredCrashkernel(host, loader)).toEqual(['64M']);
    expect(tree(host)).toBe(before);
  });

  test('several words are set, and several of the user come back', () => {
    const { host, loader } = machine(withCrashkernel('512M,high crashkernel=72M,low'));
    if (name.startsWith('GRUB')) updateGrub(host);
    const before = tree(host);
    setCrashkernel(host, loader, ['256M', '128M,cma']);
    expect(configuredCrashkernel(host, loader).slice(-2)).toEqual(['256M', '128M,cma']);
    unsetCrashkernel(host);
    expect(configuredCrashkernel(host, loader)).toEqual(['512M,high', '72M,low']);
    if (name !== 'rpm-ostree kargs') expect(tree(host)).toBe(before);
  });

  test('rights and owners of the files come back', () => {
    const { host, loader } = machine();
    if (name.startsWith('GRUB')) updateGrub(host);
    chmodSync(host.path(file), 0o600);
    setCrashkernel(host, loader, ['192M']);
    unsetCrashkernel(host);
    expect(statSync(host.path(file)).mode & 0o777).toBe(0o600);
  });

  test('edited by somebody else between two of ours: only our word goes', () => {
    const { host, loader } = machine();
    if (name.startsWith('GRUB')) updateGrub(host);
    setCrashkernel(host, loader, ['192M']);
    addFiles(host, { [file]: textOf(host, file).replace(/\bquiet\b|\brw\b|loglevel=7/g, '$& added=1') });
    const edited = textOf(host, file);
    setCrashkernel(host, loader, ['256M']);
    unsetCrashkernel(host);
    expect(configuredCrashkernel(host, loader)).toEqual([]);
    expect(textOf(host, file).split(/\s+/)).toEqual(edited.replaceAll(' crashkernel=192M', '').split(/\s+/));
  });

  test('edited by somebody else meanwhile: only our word goes', () => {
    const { host, loader } = machine();
    setCrashkernel(host, loader, ['192M']);
    addFiles(host, { [file]: textOf(host, file).replace(/\bquiet\b|\brw\b|loglevel=7/g, '$& added=1') });
    const edited = textOf(host, file);
    unsetCrashkernel(host);
    expect(configuredCrashkernel(host, loader)).toEqual([]);
    expect(textOf(host, file)).toBe(edited.replaceAll(' crashkernel=192M', ''));
  });
});

const DOES_NOTHING: Commands = {
  'update-grub': () => '',
  grubby: args => (args[0]!.startsWith('--info') ? 'args="ro quiet"\n' : ''),
  'rpm-ostree': () => 'root=UUID=1 rw\n',
  'kernel-install': () => '',
  mount: (args, host) => COS_MOUNTS.mount!(args, host),
  umount: ([mountpoint], host) => {
    execFileSync('rm', ['-r', host.path(`${mountpoint}/efi`)]);
    return '';
  },
};

describe('a tool that ends with 0 and does nothing', () => {
  test.each(SYSTEMS)('$name: said, and nothing is left', ({ name, files, commands }) => {
    const idle = Object.fromEntries(Object.keys(commands).map(command => [command, DOES_NOTHING[command]!]));
    const host = hostWith(files, idle);
    const before = digestsOf(host, '.');
    expect(() => setCrashkernel(host, findBootLoader(host)!, ['192M'])).toThrow(
      /^Cannot set crashkernel=192M for the next boot: .* reported success, and .*restored/,
    );
    expect(unsetCrashkernel(host)).toBe(false);
    if (name.startsWith('GRUB')) expect(host.exists('/etc/default/grub.d/kdumpling.cfg')).toBe(false);
    else expect(digestsOf(host, '.')).toBe(before);
  });

  test.each(SYSTEMS.filter(({ name }) => !name.startsWith('COS')))(
    '$name: when it is to take the word out, that is said and can be tried again',
    ({ files, commands }) => {
      let idle = false;
      const sometimes = Object.fromEntries(
        Object.entries(commands).map(([command, run]): [string, Commands[string]] => [
          command,
          (args, host) => (idle && !/info|^kargs$/.test(args.join(' ')) ? '' : run(args, host)),
        ]),
      );
      const host = hostWith(files, sometimes);
      if (host.exists('/etc/default/grub')) host.run('update-grub', []);
      const loader = findBootLoader(host)!;
      setCrashkernel(host, loader, ['192M']);
      idle = true;
      const { remove, write } = host;
      if (/grubby|systemd/.test(loader.name)) host.write = () => undefined;
      expect(() => unsetCrashkernel(host)).toThrow(/still has it/);
      Object.assign(host, { remove, write });
      idle = false;
      expect(unsetCrashkernel(host)).toBe(true);
      expect(configuredCrashkernel(host, loader)).toEqual([]);
    },
  );

  test('an earlier enable that worked is what comes back', () => {
    const { files, commands } = SYSTEMS.find(({ name }) => name === 'grubby')!;
    const host = hostWith(files, {
      grubby: (args, at) => (args.join().includes('256M') ? '' : commands.grubby!(args, at)),
    });
    const loader = findBootLoader(host)!;
    setCrashkernel(host, loader, ['192M']);
    expect(() => setCrashkernel(host, loader, ['256M'])).toThrow(/restored/);
    expect(configuredCrashkernel(host, loader)).toEqual(['192M']);
    expect(unsetCrashkernel(host)).toBe(true);
    expect(configuredCrashkernel(host, loader)).toEqual([]);
  });
});

test('what 0.1.0 enabled is disabled', () => {
  const { files, commands } = SYSTEMS.find(({ name }) => name === 'grubby')!;
  const entry = '/boot/loader/entries/abc-6.5.6.conf';
  const host = hostWith(files, commands);
  const before = digestsOf(host, 'boot', 'etc');
  const edits = [entry, '/etc/default/grub', '/etc/kernel/cmdline'].map(path => ({
    path,
    before: host.read(path),
  }));
  grubby(['--update-kernel=ALL', '--args=crashkernel=192M'], host);
  addFiles(host, {
    '/var/lib/kdumpling/boot-loader.json': JSON.stringify({
      loader: 'grubby',
      undo: { value: '192M', edits: edits.map(edit => ({ ...edit, after: host.read(edit.path) })) },
    }),
  });
  expect(unsetCrashkernel(host)).toBe(true);
  expect(digestsOf(host, 'boot', 'etc')).toBe(before);
});

test('GRUB: a plain word elsewhere makes ,high void, which is said', () => {
  const host = hostWith(
    { '/etc/default/grub': ORIGINAL_GRUB.replace('"quiet"', '"quiet crashkernel=64M"') },
    { 'update-grub': (_, at) => updateGrub(at) },
  );
  expect(() => setCrashkernel(host, findBootLoader(host)!, ['512M,high'])).toThrow(
    /a boot entry has crashkernel=64M crashkernel=512M,high/,
  );
});

describe('what boots takes its command line from nobody', () => {
  const systemdFiles = SYSTEMS.find(({ name }) => name.startsWith('systemd-boot'))!;
  const variable = (name: string, text: string) => ({
    [`/sys/firmware/efi/efivars/${name}-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f`]: `\x06\0\0\0${[...text].map(letter => `${letter}\0`).join('')}\0\0`,
  });
  const SYSTEMD_BOOT = variable('LoaderInfo', 'systemd-boot 255');

  test.each([
    ['dom0 of a Xen host', { '/proc/xen/capabilities': 'control_d\n' }, /hypervisor/],
    ['booted from a unified image', variable('StubInfo', 'systemd-stub 255'), /unified kernel image/],
  ])('%s: no boot loader, with the reason', (_, more, reason) => {
    for (const { files, commands } of SYSTEMS) {
      const host = hostWith({ ...files, ...more }, commands);
      expect(findBootLoader(host)).toBeUndefined();
      expect(noBootLoader(host, ['192M']).message).toMatch(reason);
    }
  });

  test('a guest of Xen is armed as any machine', () => {
    const { files, commands } = SYSTEMS[0]!;
    expect(findBootLoader(hostWith({ ...files, '/proc/xen/capabilities': '' }, commands))).toBeDefined();
  });

  test.each([
    ['nobody says which entry boots', {}, /not known/],
    ['the unified image was chosen', variable('LoaderEntrySelected', 'debian.efi'), /debian\.efi boots next/],
    [
      'it is the default for the next boot',
      {
        ...variable('LoaderEntrySelected', 'debian-6.1.0-1.conf'),
        '/efi/loader/loader.conf': 'timeout 3\ndefault debian.efi\n',
      },
      /debian\.efi boots next/,
    ],
  ])('a unified image beside entries, %s: refused, nothing changed', (_, more, reason) => {
    const { files, commands } = systemdFiles;
    const host = hostWith(
      { ...files, ...SYSTEMD_BOOT, '/efi/EFI/Linux/debian.efi': 'MZ', ...more },
      commands,
    );
    const before = digestsOf(host, '.');
    const loader = findBootLoader(host)!;
    expect(configuredCrashkernel(host, loader)).toEqual([]);
    expect(() => setCrashkernel(host, loader, ['192M'])).toThrow(reason);
    expect(digestsOf(host, '.')).toBe(before);
  });

  test('a unified image beside the entry that boots: the entry is edited', () => {
    const { files, commands } = systemdFiles;
    const more = {
      '/efi/EFI/Linux/old.efi': 'MZ',
      ...variable('LoaderEntrySelected', 'debian-6.1.0-1.conf'),
    };
    const host = hostWith({ ...files, ...SYSTEMD_BOOT, ...more }, commands);
    expect(setCrashkernel(host, findBootLoader(host)!, ['192M'])).toBe(true);
  });

  test('entries left over from systemd-boot on a machine whose firmware started another loader', () => {
    const { files, commands } = systemdFiles;
    const host = hostWith({ ...files, '/sys/firmware/efi/efivars/BootOrder-1': 'x' }, commands);
    expect(findBootLoader(host)).toBeUndefined();
  });
});

test('GRUB: when update-grub fails, nothing is left behind', () => {
  const host = hostWith({ '/etc/default/grub': ORIGINAL_GRUB }, { 'update-grub': () => undefined });
  expect(() => setCrashkernel(host, findBootLoader(host)!, ['192M'])).toThrow(
    /Cannot run .*update-grub: update-grub: it failed/,
  );
  expect(host.list('/etc/default/grub.d')).toEqual([]);
  expect(unsetCrashkernel(host)).toBe(false);
});

test('interrupted between the writing and the end of update-grub: disable undoes it', () => {
  let interrupted = true;
  const host = hostWith(
    { '/etc/default/grub': ORIGINAL_GRUB },
    {
      'update-grub'() {
        if (interrupted) throw new Error('the power went');
        return '';
      },
    },
  );
  host.remove = () => undefined; // what is dead cleans nothing up
  const { write } = host;
  host.write = (path, ...rest) =>
    path.endsWith('.cfg') && host.exists(path) ? undefined : write(path, ...rest);
  expect(() => setCrashkernel(host, findBootLoader(host)!, ['192M'])).toThrow('the power went');
  interrupted = false;
  const next = openHost(host.root, () => ({ status: 0, stdout: '', stderr: '' }));
  expect(next.list('/etc/default/grub.d')).toEqual(['kdumpling.cfg']);
  expect(unsetCrashkernel(next)).toBe(true);
  expect(next.list('/etc/default/grub.d')).toEqual([]);
});

test('systemd-boot: every kernel that is installed is given the new line; unified images are refused', () => {
  const { files, commands } = SYSTEMS.find(({ name }) => name.startsWith('systemd-boot'))!;
  const host = hostWith(files, commands);
  setCrashkernel(host, findBootLoader(host)!, ['192M']);
  expect(host.ran).toEqual(['kernel-install add 6.1.0-1 /boot/vmlinuz-6.1.0-1']);
  const unified = hostWith({ ...files, '/etc/kernel/install.conf': 'layout=uki\n' }, commands);
  expect(() => setCrashkernel(unified, findBootLoader(unified)!, ['192M'])).toThrow(/unified kernel images/);
  expect(textOf(unified, '/etc/kernel/cmdline')).toBe(files['/etc/kernel/cmdline']);
});

test('systemd-boot without /etc/kernel/cmdline: it is made of the running one, and removed again', () => {
  const { files, commands } = SYSTEMS.find(({ name }) => name.startsWith('systemd-boot'))!;
  const { '/etc/kernel/cmdline': _, ...rest } = files;
  const host = hostWith({ ...rest, '/proc/cmdline': 'initrd=\\debian\\initrd root=UUID=1 ro\n' }, commands);
  setCrashkernel(host, findBootLoader(host)!, ['192M']);
  expect(textOf(host, '/etc/kernel/cmdline')).toBe('root=UUID=1 ro crashkernel=192M\n');
  unsetCrashkernel(host);
  expect(host.exists('/etc/kernel/cmdline')).toBe(false);
});

test('COS: each of its entries is changed, and none under Secure Boot', () => {
  const { files, commands } = SYSTEMS.find(({ name }) => name.startsWith('COS'))!;
  const host = hostWith(files, commands);
  setCrashkernel(host, findBootLoader(host)!, ['192M']);
  const changed = textOf(host, '/efi-partition');
  expect(changed.match(/^ *linux .* crashkernel=192M$/gm)).toHaveLength(3);
  const secure = hostWith(
    {
      ...files,
      '/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c': '\x06\0\0\0\x01',
    },
    commands,
  );
  expect(() => setCrashkernel(secure, findBootLoader(secure)!, ['192M'])).toThrow(/Secure Boot is on/);
  expect(textOf(secure, '/efi-partition')).toBe(COS_GRUB_CFG);
});

test('no boot loader that we know', () => expect(findBootLoader(hostWith({}))).toBeUndefined());

test.each([
  ['root=/dev/vda1 crashkernel=64M ro', '64M'],
  ['crashkernel=64M crashkernel=192M', '64M', '192M'],
  ['crashkernel=0M-8G:64M,8G-:128M', '0M-8G:64M,8G-:128M'],
  ['GRUB="a crashkernel=64M"', '64M'],
  ['xcrashkernel=64M crashkernelx=1'],
])('%j says %j', (line, ...values) => expect(crashkernelValues(line)).toEqual(values));

test.each([
  ['ro quiet', ['192M'], 'ro quiet crashkernel=192M'],
  ['', ['192M'], 'crashkernel=192M'],
  ['ro crashkernel=64M quiet', ['192M'], 'ro crashkernel=192M quiet'],
  ['crashkernel=64M ro crashkernel=1M', ['192M'], 'crashkernel=192M ro'],
  [
    'a crashkernel=1G,high b crashkernel=72M,low',
    ['192M', '64M,cma'],
    'a crashkernel=192M crashkernel=64M,cma b',
  ],
  ['crashkernel=64M ro', [], 'ro'],
  ['ro crashkernel=64M', [], 'ro'],
  ['ro crashkernel=512M,high crashkernel=72M,low quiet', [], 'ro quiet'],
  ['ro', [], 'ro'],
])('%j with %j', (line, values, expected) => expect(withCrashkernel(line, values)).toBe(expected));
