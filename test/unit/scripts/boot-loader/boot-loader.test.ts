/**
 * Each driver on files as its system has them, with imitated commands: for what real ones cannot be made to do (fail, be
 * interrupted), and quick. test/hosts has the real ones.
 */
import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { crashkernelOf, withCrashkernel } from '../../../../scripts/lib/boot-loader/boot-loader.ts';
import {
  findBootLoader,
  setCrashkernel,
  unsetCrashkernel,
} from '../../../../scripts/lib/boot-loader/boot-loaders.ts';
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
  const [, added] = /^--args=(.*)$/.exec(args[1]!) ?? [];
  const [, removed] = /^--remove-args=(.*)$/.exec(args[1]!) ?? [];
  const name = (word: string) => word.split('=')[0];
  const rest = words.filter(word => (added ? name(word) !== name(added) : word !== removed));
  const options = [...rest, ...(added ? [added] : [])].join(' ');
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
    commands: { 'kernel-install': () => '' },
    file: '/etc/kernel/cmdline',
    withCrashkernel: value => ({ '/etc/kernel/cmdline': `root=UUID=1 ro crashkernel=${value} quiet\n` }),
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
    expect(loader.configured(host)).toBeUndefined();
    expect(setCrashkernel(host, loader, '192M')).toBe(true);
    expect(loader.configured(host)).toBe('192M');
    expect(unsetCrashkernel(host)).toBe(true);
    expect(tree(host)).toBe(before);
  });

  test('set twice, changed, undone twice: the first state comes back', () => {
    const { host, loader } = machine();
    if (name.startsWith('GRUB')) updateGrub(host);
    const before = tree(host);
    setCrashkernel(host, loader, '192M');
    const ran = host.ran.length;
    expect(setCrashkernel(host, loader, '192M')).toBe(false);
    expect(host.ran.slice(ran).filter(line => !/info|kargs$|mount/.test(line))).toEqual([]);
    setCrashkernel(host, loader, '256M');
    expect(loader.configured(host)).toBe('256M');
    expect(unsetCrashkernel(host)).toBe(true);
    expect(unsetCrashkernel(host)).toBe(false);
    expect(tree(host)).toBe(before);
  });

  test("what was the user's own comes back", () => {
    const { host, loader } = machine(withCrashkernel('64M'));
    if (name.startsWith('GRUB')) updateGrub(host);
    const before = tree(host);
    expect(loader.configured(host)).toBe('64M');
    setCrashkernel(host, loader, '192M');
    expect(loader.configured(host)).toBe('192M');
    unsetCrashkernel(host);
    expect(loader.configured(host)).toBe('64M');
    expect(tree(host)).toBe(before);
  });

  test('edited by somebody else between two of ours: only our word goes', () => {
    const { host, loader } = machine();
    if (name.startsWith('GRUB')) updateGrub(host);
    setCrashkernel(host, loader, '192M');
    addFiles(host, { [file]: textOf(host, file).replace(/\bquiet\b|\brw\b|loglevel=7/g, '$& added=1') });
    const edited = textOf(host, file);
    setCrashkernel(host, loader, '256M');
    unsetCrashkernel(host);
    expect(loader.configured(host)).toBeUndefined();
    expect(textOf(host, file).split(/\s+/)).toEqual(edited.replaceAll(' crashkernel=192M', '').split(/\s+/));
  });

  test('edited by somebody else meanwhile: only our word goes', () => {
    const { host, loader } = machine();
    setCrashkernel(host, loader, '192M');
    addFiles(host, { [file]: textOf(host, file).replace(/\bquiet\b|\brw\b|loglevel=7/g, '$& added=1') });
    const edited = textOf(host, file);
    unsetCrashkernel(host);
    expect(loader.configured(host)).toBeUndefined();
    expect(textOf(host, file)).toBe(edited.replaceAll(' crashkernel=192M', ''));
  });
});

test('GRUB: when update-grub fails, nothing is left behind', () => {
  const host = hostWith({ '/etc/default/grub': ORIGINAL_GRUB }, { 'update-grub': () => undefined });
  expect(() => setCrashkernel(host, findBootLoader(host)!, '192M')).toThrow(
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
  expect(() => setCrashkernel(host, findBootLoader(host)!, '192M')).toThrow('the power went');
  interrupted = false;
  const next = openHost(host.root, () => ({ status: 0, stdout: '', stderr: '' }));
  expect(next.list('/etc/default/grub.d')).toEqual(['kdumpling.cfg']);
  expect(unsetCrashkernel(next)).toBe(true);
  expect(next.list('/etc/default/grub.d')).toEqual([]);
});

test('systemd-boot: every kernel that is installed is given the new line; unified images are refused', () => {
  const { files, commands } = SYSTEMS.find(({ name }) => name.startsWith('systemd-boot'))!;
  const host = hostWith(files, commands);
  setCrashkernel(host, findBootLoader(host)!, '192M');
  expect(host.ran).toEqual(['kernel-install add 6.1.0-1 /boot/vmlinuz-6.1.0-1']);
  const unified = hostWith({ ...files, '/etc/kernel/install.conf': 'layout=uki\n' }, commands);
  expect(() => setCrashkernel(unified, findBootLoader(unified)!, '192M')).toThrow(/unified images/);
  expect(textOf(unified, '/etc/kernel/cmdline')).toBe(files['/etc/kernel/cmdline']);
});

test('systemd-boot without /etc/kernel/cmdline: it is made of the running one, and removed again', () => {
  const { files, commands } = SYSTEMS.find(({ name }) => name.startsWith('systemd-boot'))!;
  const { '/etc/kernel/cmdline': _, ...rest } = files;
  const host = hostWith({ ...rest, '/proc/cmdline': 'initrd=\\debian\\initrd root=UUID=1 ro\n' }, commands);
  setCrashkernel(host, findBootLoader(host)!, '192M');
  expect(textOf(host, '/etc/kernel/cmdline')).toBe('root=UUID=1 ro crashkernel=192M\n');
  unsetCrashkernel(host);
  expect(host.exists('/etc/kernel/cmdline')).toBe(false);
});

test('COS: each of its entries is changed, and none under Secure Boot', () => {
  const { files, commands } = SYSTEMS.find(({ name }) => name.startsWith('COS'))!;
  const host = hostWith(files, commands);
  setCrashkernel(host, findBootLoader(host)!, '192M');
  const changed = textOf(host, '/efi-partition');
  expect(changed.match(/^ *linux .* crashkernel=192M$/gm)).toHaveLength(3);
  const secure = hostWith(
    {
      ...files,
      '/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c': '\x06\0\0\0\x01',
    },
    commands,
  );
  expect(() => setCrashkernel(secure, findBootLoader(secure)!, '192M')).toThrow(/Secure Boot is on/);
  expect(textOf(secure, '/efi-partition')).toBe(COS_GRUB_CFG);
});

test('no boot loader that we know', () => expect(findBootLoader(hostWith({}))).toBeUndefined());

test.each([
  ['root=/dev/vda1 crashkernel=64M ro', '64M'],
  ['crashkernel=64M crashkernel=192M', '192M'],
  ['crashkernel=0M-8G:64M,8G-:128M', '0M-8G:64M,8G-:128M'],
  ['GRUB="a crashkernel=64M"', '64M'],
  ['xcrashkernel=64M crashkernelx=1', undefined],
])('%j says %j', (line, value) => expect(crashkernelOf(line)).toBe(value));

test.each([
  ['ro quiet', '192M', 'ro quiet crashkernel=192M'],
  ['', '192M', 'crashkernel=192M'],
  ['ro crashkernel=64M quiet', '192M', 'ro crashkernel=192M quiet'],
  ['crashkernel=64M ro crashkernel=1M', '192M', 'crashkernel=192M ro'],
  ['crashkernel=64M ro', undefined, 'ro'],
  ['ro crashkernel=64M', undefined, 'ro'],
  ['ro', undefined, 'ro'],
])('%j with %j', (line, value, expected) => expect(withCrashkernel(line, value)).toBe(expected));
