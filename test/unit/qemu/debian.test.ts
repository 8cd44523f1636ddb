/** What the lab reads from a Debian guest: answers of its agent, stations of a crash, traces of a removed program. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type Agent, parseAnswer } from '../../../qemu/debian/agent.ts';
import { finishing, packagesOf, recipeOf } from '../../../qemu/debian/contents.ts';
import { crash, crashTimes } from '../../../qemu/debian/crash.ts';
import { trimLists } from '../../../qemu/debian/debootstrap.ts';
import { DISK_MIB, partitionedDisk, partitionTable, planDisk } from '../../../qemu/debian/disk.ts';
import type { Guest } from '../../../qemu/debian/machine.ts';
import { newerKernel } from '../../../qemu/debian/repository.ts';
import { readPackages } from '../../../qemu/debian/second-stage.ts';
import { SEARCHES } from '../../../qemu/debian/smallest.ts';
import { chooseStories, namesOf, STORIES, type Teller } from '../../../qemu/debian/stories.ts';
import { TIMED } from '../../../qemu/debian/times.ts';
import { traces } from '../../../qemu/debian/traces.ts';
import { labArch } from '../../../qemu/machine/arch.ts';
import type { SerialLine } from '../../../qemu/machine/serial.ts';

describe('the agent', () => {
  test.each([
    ['lab-agent: ready 0f-1e', 'ready'],
    ['garbage of the boot loaderlab-agent: ready 0f-1e', 'ready'],
    ['lab-agent: 7 0 aGVsbG8K', { id: 7, exitCode: 0, output: 'hello\n' }],
    ['lab-agent: 8 127 ', { id: 8, exitCode: 127, output: '' }],
    ['lab-agent: 8 127 a*b', undefined],
    ['[    1.0] a kernel line', undefined],
  ])('%s', (line, answer) => expect(parseAnswer(line)).toEqual(answer));
});

describe('the stations of a crash', () => {
  const lines = (...texts: string[]) => texts.map((text, index) => ({ text, atSeconds: 10 * (index + 1) }));
  const panic = 'Kernel panic - not syncing: sysrq triggered crash';
  const banner = 'Debian GNU/Linux 12 debian ttyS0';

  test('all of them, since the panic', () => {
    const restart = 'reboot: Restarting system';
    const texts = [banner, panic, 'Linux version 6.1', 'x', restart, 'Linux version 6.1', banner];
    expect(crashTimes(labArch('x64'), lines(...texts))).toEqual({ captureKernel: 10, reboot: 30, login: 50 });
  });

  test('a silent reboot is recognized by the next boot', () => {
    const texts = [panic, 'Linux version 6.1', 'x', 'Linux version 6.1', banner];
    expect(crashTimes(labArch('x64'), lines(...texts))).toEqual({ captureKernel: 10, reboot: 30, login: 40 });
  });

  test('the login prompt is on the console of the architecture', () => {
    const texts = [panic, 'Linux version 6.1', 'Linux version 6.1', 'Debian GNU/Linux 12 debian ttyAMA0'];
    expect(crashTimes(labArch('arm64'), lines(...texts))).toEqual({
      captureKernel: 10,
      reboot: 20,
      login: 30,
    });
    expect(crashTimes(labArch('x64'), lines(...texts))).toEqual({ captureKernel: 10, reboot: 20 });
  });

  test('a machine that captured nothing reboots once', () => {
    expect(crashTimes(labArch('x64'), lines(panic, 'Linux version 6.1', banner))).toEqual({
      captureKernel: 10,
    });
  });

  test('without a panic there are none', () => {
    expect(crashTimes(labArch('x64'), lines('Linux version 6.1', banner))).toEqual({});
  });
});

describe.each(['x64', 'arm64'])('the Debian of %s', node => {
  const arch = labArch(node);

  test('has its own kernel and boot loader, and a newer kernel to update to', () => {
    const packages = packagesOf(arch);
    expect(packages).toContain(`linux-image-cloud-${arch.debian}`);
    expect(packages).toContain(arch.debianGuest.bootLoader);
    expect(newerKernel(arch)).toBe(`linux-image-6.12-cloud-${arch.debian}`);
  });

  test('is made anew when its settings change', () => {
    const changed = { ...arch, console: 'ttyX9' };
    expect(recipeOf(changed)).not.toEqual(recipeOf(arch));
  });

  test('installs the boot loader by the guest’s own tools', () => {
    expect(finishing(arch)).toMatch(/^set -e\n[\s\S]*\ngrub-install .*\nupdate-grub\n/);
  });

  test('partitions fill the disk and do not overlap', () => {
    const { root, esp } = planDisk(arch.debianGuest.uefi);
    expect(root.startMib).toBe(1);
    const end = root.startMib + root.sizeMib;
    expect(esp?.startMib ?? end).toBe(end);
    expect(end + (esp?.sizeMib ?? 0)).toBe(DISK_MIB);
  });

  test('its agent answers on a serial port that QEMU connects', () => {
    const { node: port, devices } = arch.debianGuest.agentPort;
    expect(port).not.toContain(arch.console);
    expect(devices('agent').join(' ')).toMatch(/^-(serial|device) (pci-serial,chardev=|chardev:)agent$/);
  });
});

test('firmware finds its partition by the type, and a BIOS has none', () => {
  expect(partitionTable(planDisk(false))).toBe('label: dos\nstart=2048, size=12580864, type=83, bootable\n');
  expect(partitionTable(planDisk(true))).toBe(
    'label: dos\nstart=2048, size=12449792, type=83, bootable\nstart=12451840, size=131072, type=ef\n',
  );
});

test('the disk of a UEFI machine has both file systems where the table says', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kdumpling-debian-'));
  try {
    const [disk, root] = [join(folder, 'disk.img'), join(folder, 'root')];
    mkdirSync(root);
    writeFileSync(join(root, 'hello'), 'hello');
    await partitionedDisk(disk, root, true);
    const table = JSON.parse(execFileSync('sfdisk', ['--json', disk], { encoding: 'utf8' }));
    const found = table.partitiontable.partitions.map(({ start, size }: Record<string, number>) => {
      const place = ['-O', String(start! * 512), '-S', String(size! * 512)];
      const text = execFileSync('blkid', ['-p', ...place, '-o', 'export', disk], { encoding: 'utf8' });
      return ['TYPE', 'LABEL'].map(name => new RegExp(`^${name}=(.*)$`, 'm').exec(text)?.[1]);
    });
    expect(found).toEqual([
      ['ext4', 'root'],
      ['vfat', 'ESP'],
    ]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

describe('the second stage', () => {
  test('reads only its own packages in the archive’s lists', async () => {
    const root = mkdtempSync(join(tmpdir(), 'kdumpling-debian-'));
    try {
      const list = join(root, 'var/lib/apt/lists/debian_dists_bookworm_main_binary-arm64_Packages');
      for (const folder of ['debootstrap', 'var/lib/apt/lists'])
        mkdirSync(join(root, folder), { recursive: true });
      writeFileSync(
        join(root, 'debootstrap/debpaths'),
        'dash /var/cache/dash.deb\nlibc6 /var/cache/libc6.deb\n',
      );
      writeFileSync(
        list,
        'Package: dash\nPre-Depends: libc6\n\nPackage: dashboard\nX: 1\n\nPackage: libc6\nSize: 2\n',
      );
      await trimLists(root);
      expect(readFileSync(list, 'utf8')).toBe(
        'Package: dash\nPre-Depends: libc6\n\nPackage: libc6\nSize: 2\n\n',
      );
    } finally {
      rmSync(root, { recursive: true });
    }
  });

  const complete = 'lab: debian is complete';

  test('names the packages that it installed', () => {
    const lines = ['[ 1.0] x', 'lab: package libc6 2.36-9+deb12u14', 'lab: package dash 0.5.12-2', complete];
    expect(readPackages(lines, '/run/serial.log')).toEqual({ libc6: '2.36-9+deb12u14', dash: '0.5.12-2' });
  });

  test.each([
    [['lab: package dash 0.5', 'lab: gave up: debootstrap: no room'], 'debootstrap: no room'],
    [['I: Configuring dash...'], 'I: Configuring dash...'],
    [[], 'the guest printed nothing'],
  ])('that did not come to its end is refused: %j', (lines, actual) => {
    expect(() => readPackages(lines, '/run/serial.log')).toThrow(
      `Cannot make a Debian image: ${actual}; expected the end of guest/second-stage.sh. See /run/serial.log`,
    );
  });
});

/** @param answer the output of a command, which then ends with 0. */
function fakeAgent(answer: (command: string) => string): Agent {
  return {
    untilBoot: async () => {},
    run: async command => ({ exitCode: 0, output: answer(command) }),
    must: async command => answer(command),
    send: () => {},
    close: () => {},
  };
}

describe('the stories', () => {
  test.each([STORIES, SEARCHES, TIMED])('of arm64 are those that its Debian can have', (...all) => {
    expect(namesOf(chooseStories(all, 'amd64', []))).toEqual(namesOf(all));
    expect(namesOf(chooseStories(all, 'arm64', []))).toEqual(
      namesOf(all).filter(name => name !== 'kdump-tools'),
    );
    expect(namesOf(chooseStories(all, 'arm64', ['kdumpling']))).toEqual(['kdumpling']);
    expect(() => chooseStories(all, 'arm64', ['kdump-tools'])).toThrow(
      /its value is "kdump-tools"; expected another story on arm64: that of Debian 12 captures none of its kernels/,
    );
    expect(() => chooseStories(all, 'arm64', ['other'])).toThrow(/expected one of kdumpling/);
    const some = namesOf(all).slice(0, 2);
    expect(namesOf(chooseStories(all, 'amd64', [...some].reverse()))).toEqual(some);
  });
});

const guestWith = (agent: Agent, lines: readonly SerialLine[]): Guest => ({
  arch: labArch('x64'),
  agent,
  lines,
  signal: new AbortController().signal,
  reset: async () => {},
});

test.each([
  [0, false],
  [16e6, true],
])('a dump of %i bytes is counted as captured: %s', async (bytes, isCaptured) => {
  const lines: SerialLine[] = [];
  const panic = ['Kernel panic - not syncing: x', 'Linux version 6.1', 'Linux version 6.1'];
  const agent: Agent = {
    ...fakeAgent(command => {
      if (command.includes('kexec_crash_size')) return String(64 << 20);
      if (command.includes('kexec_crash_loaded')) return '1';
      return command.startsWith('stat -c %s') ? String(bytes) : '';
    }),
    send: () =>
      void lines.push(
        ...[...panic, 'Debian GNU/Linux 12 debian ttyS0'].map(text => ({ text, atSeconds: 1 })),
      ),
  };
  const checks: boolean[] = [];
  const teller: Teller = {
    say: () => {},
    check: (_what, holds) => void checks.push(holds),
    capture: () => {},
  };
  const [search] = chooseStories(SEARCHES, 'amd64', ['kdump-tools']);
  await search!.run(guestWith(agent, lines), teller, 1);
  expect(checks).toEqual([isCaptured]);
});

test('a guest without a crash kernel is not crashed: nothing would reboot it', async () => {
  const sent: string[] = [];
  const agent = { ...fakeAgent(() => '0\n'), send: (command: string) => void sent.push(command) };
  await expect(crash(guestWith(agent, []), 0.1)).rejects.toThrow(
    'Cannot crash the guest: /sys/kernel/kexec_crash_loaded is 0; expected 1, a loaded crash kernel',
  );
  expect(sent).toEqual([]);
});

test('a trace is a file that no package owns and that machines do not write all the time', () => {
  const list = (files: string[], owned: string[] = []) => ({ files: new Set(files), owned: new Set(owned) });
  const before = list(['/etc/passwd']);
  const after = list(
    [
      '/etc/passwd',
      '/etc/default/grub.d/left.cfg',
      '/boot/initramfs-6.1kdump.img',
      '/boot/initrd.img-6.12',
      '/usr/lib/modules/6.12/modules.dep',
      '/usr/lib/modules/6.12/kernel/x.ko',
      '/var/log/dpkg.log',
      '/var/logbook',
    ],
    ['/lib/modules/6.12/kernel/x.ko'],
  );
  expect(traces(before, after)).toEqual([
    '/etc/default/grub.d/left.cfg',
    '/boot/initramfs-6.1kdump.img',
    '/var/logbook',
  ]);
});
