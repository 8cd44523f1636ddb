import { describe, expect, test } from 'vitest';
import { crashCommandLine, planCommandLine } from '../../../initrd/command-line.ts';
import { parseCommandLine } from '../../../initrd/command-words.ts';
import { FAMILIES } from '../../../initrd/word-families.ts';

test('consoles stay, harmful words are left out, and what the capture needs is added', () => {
  const words = crashCommandLine(
    'BOOT_IMAGE=/boot/vmlinuz root=UUID=1 ro rootflags=x quiet crashkernel=192M panic=0 hugepagesz=1G hugepages=4 ' +
      'console=tty0 console=ttyS0,115200 net.ifnames=0\n',
  ).split(' ');
  expect(words).toEqual(
    expect.arrayContaining(['ro', 'console=tty0', 'console=ttyS0,115200', 'net.ifnames=0']),
  );
  expect(words).toEqual(
    expect.arrayContaining(['nr_cpus=1', 'reset_devices', 'panic=10', 'rootfstype=ramfs']),
  );
  for (const gone of ['BOOT_IMAGE', 'root=', 'rootflags', 'quiet', 'crashkernel', 'panic=0', 'hugepages=4']) {
    expect(words.filter(word => word.startsWith(gone))).toEqual([]);
  }
  expect(words.filter(word => word.startsWith('panic='))).toEqual(['panic=10']);
});

test('appended words are the last', () => {
  expect(crashCommandLine('', ['kdumpling.codec=lzo']).endsWith(' kdumpling.codec=lzo')).toBe(true);
});

test('an added word does not appear twice', () => {
  expect(crashCommandLine('irqpoll').match(/irqpoll/g)).toHaveLength(1);
});

test('initcall_blacklist words add up', () => {
  const [ours, theirs, appended] = ['tracer_init_tracefs', 'one_init', 'two_init'].map(
    name => `initcall_blacklist=${name}`,
  );
  const plan = planCommandLine(`${theirs} ${ours}`, { append: [appended!], remove: [] });
  const names = plan.text.split(' ').filter(word => word.startsWith('initcall'));
  const slab = 'initcall_blacklist=slab_sysfs_init,slab_late_init';
  expect(names).toEqual([theirs, ours, slab, appended]);
  const without = planCommandLine('', { append: [], remove: ['initcall_blacklist'] });
  expect(without.text).not.toContain('initcall');
});

test('the buffers for integrity data are left out where no disk of the machine has such data', () => {
  const word = 'initcall_blacklist=bio_integrity_initfn';
  expect(crashCommandLine('', [], { hasPlainDisks: true })).toContain(` ${word}`);
  expect(crashCommandLine('', [], { hasPlainDisks: false })).not.toContain(word);
  expect(crashCommandLine('')).not.toContain(word);
});

test('page tables have four levels where all memory is within their reach', () => {
  const has = (isBelow64Tib: boolean | undefined, architecture: string) =>
    crashCommandLine('', [], { isBelow64Tib, architecture }).split(' ').includes('no5lvl');
  expect(has(true, 'x64')).toBe(true);
  expect(has(false, 'x64')).toBe(false);
  expect(has(undefined, 'x64')).toBe(false);
  expect(has(true, 'arm64')).toBe(false);
});

test('nothing is filled with zeros or tried on examples, whatever the running kernel does', () => {
  const words = crashCommandLine('init_on_alloc=1').split(' ');
  expect(words.filter(word => word.startsWith('init_on_alloc'))).toEqual(['init_on_alloc=0']);
  expect(words).toContain('cryptomgr.notests');
});

test('nothing waits for ticks of the timer, whatever the running kernel does', () => {
  const words = crashCommandLine('rcupdate.rcu_expedited=0').split(' ');
  expect(words.filter(word => word.startsWith('rcupdate'))).toEqual(['rcupdate.rcu_expedited=1']);
});

describe('without the first 640 KiB', () => {
  const REAL_MODE = 'initcall_blacklist=init_real_mode,do_init_real_mode';
  const MEMORY = 'memmap=640K$0';
  const has = (
    machine: Parameters<typeof planCommandLine>[2],
    append: string[] = [],
    remove: string[] = [],
  ) => {
    const words = planCommandLine('', { append, remove }, { architecture: 'x64', ...machine }).text.split(
      ' ',
    );
    return [REAL_MODE, MEMORY].map(word => words.includes(word));
  };

  test('where the kernel can do without, and starts no CPU there', () => {
    expect(has({ canSkipRealMode: true })).toEqual([true, true]);
    expect(has({ canSkipRealMode: false })).toEqual([false, false]);
    expect(has({})).toEqual([false, false]);
    expect(has({ canSkipRealMode: true, architecture: 'arm64' })).toEqual([false, false]);
  });

  test.each([[{ cpus: 2 }], [{}, ['nr_cpus=2']], [{}, [], ['nr_cpus']]])(
    'not with several CPUs: %j %j %j',
    (machine, append = [], remove = []) => {
      expect(has({ canSkipRealMode: true, ...machine }, append, remove)).toEqual([false, false]);
    },
  );

  test('never without the word that keeps the kernel from looking there', () => {
    expect(has({ canSkipRealMode: true }, [], ['initcall_blacklist'])).toEqual([false, false]);
    expect(has({ canSkipRealMode: true }, ['initcall_blacklist=one_init'])).toEqual([true, true]);
    expect(has({ canSkipRealMode: true }, [], ['memmap'])).toEqual([true, false]);
  });

  test('whatever memory the running kernel left out', () => {
    expect(
      planCommandLine('memmap=1G$4G', undefined, { architecture: 'x64', canSkipRealMode: true }).text,
    ).not.toContain('1G');
  });
});

test('the kernel has one loop device, however many the running one has', () => {
  const words = crashCommandLine('loop.max_loop=64 max_loop=8').split(' ');
  expect(words.filter(word => word.startsWith('loop.'))).toEqual(['loop.max_loop=1']);
});

test('the kernel configures no network', () => {
  const words = crashCommandLine(
    'ip=dhcp nfsroot=10.0.0.1:/root netconsole=@/eth0,@10.0.0.2/ ipv6.disable=1',
  ).split(' ');
  expect(words.filter(word => /^(ip|nfsroot|netconsole)=/.test(word))).toEqual([]);
  expect(words).toContain('ipv6.disable=1');
});

/** What a line becomes without the words that kdumpling adds. */
const inherited = (line: string) => planCommandLine(line).inherited;

describe('left out, with a reason', () => {
  test.each([
    // What raises panics.
    ...['panic_on_warn=1', 'panic_on_oops', 'softlockup_panic=1', 'hung_task_panic=1', 'hardlockup_panic=1'],
    ...[
      'oops=panic',
      'panic=0',
      'panic=-1',
      'workqueue.panic_on_stall=1',
      'nmi_watchdog=1',
      'unknown_nmi_panic',
    ],
    ...['sysctl.kernel.panic_on_oops=1', 'sysctl.kernel/hung_task_panic=1', 'sysctl.vm.nr_hugepages=512'],
    ...['panic_print=0x3f', 'crash_kexec_post_notifiers'],
    // What takes memory.
    ...[
      'hugepages=4',
      'hugepagesz=1G',
      'default_hugepagesz=1G',
      'hugetlb_cma=2G',
      'cma=256M',
      'numa_cma=0:1G',
    ],
    ...[
      'log_buf_len=64M',
      'swiotlb=262144',
      'trace_event=sched:sched_switch,kmem:kmalloc',
      'trace_buf_size=64M',
    ],
    ...[
      'ftrace=function',
      'ftrace_filter=vfs_*',
      'tp_printk',
      'slub_debug=FZPU',
      'slab_debug',
      'page_owner=on',
    ],
    ...[
      'kfence.sample_interval=1',
      'kasan=on',
      'kmemleak=on',
      'debug_pagealloc=on',
      'kho=on',
      'kho_scratch=1G',
    ],
    ...['reserve_mem=12M:4096:trace', 'retain_initrd', 'dhash_entries=16777216', 'crashkernel=512M,high'],
    ...['transparent_hugepage=always', 'cgroup_enable=memory', 'zswap.enabled=1'],
    // What limits or remaps it.
    ...[
      'mem=4G',
      'memmap=64K$0x18690000',
      'memtest=4',
      'movablecore=50%',
      'kernelcore=mirror',
      'add_efi_memmap',
    ],
    // What chooses init, root and resume.
    ...[
      'init=/bin/sh',
      'rdinit=/sbin/init',
      'root=UUID=1',
      'rootflags=subvol=@',
      'rootwait',
      'resume=/dev/sda2',
    ],
    ...[
      'resume_offset=34816',
      'noresume',
      'single',
      '1',
      'S',
      'emergency',
      'noinitrd',
      'BOOT_IMAGE=/vmlinuz',
    ],
    ...[
      'md=0,/dev/sda1,/dev/sdb1',
      'raid=autodetect',
      'inst.ks=https://h/ks',
      'systemd.unit=rescue.target',
      'rd.luks.uuid=1',
      'rd.break',
      'ostree=/ostree/boot.1/x',
      'bootconfig',
    ],
    // What enforces a policy.
    ...[
      'ima_policy=appraise_tcb',
      'ima_appraise=enforce',
      'ima-policy=tcb',
      'evm=fix',
      'ipe.enforce=1',
      'fips=1',
    ],
    ...[
      'dm="1 vroot none ro 1,0 4077568 verity payload=PARTUUID=1 root_hexdigest=abc"',
      'dm-mod.create="a,,,ro"',
      'dm_verity.error_behavior=3',
    ],
    ...['security=selinux', 'lsm=landlock,ipe', 'selinux=1', 'enforcing=1', 'apparmor=1', 'audit=1'],
    ...['module_blacklist=loop,squashfs', 'nomodule', 'softdog.soft_noboot=1'],
    // What brings a network up.
    ...['ip=dhcp', 'ip=::::host:eth0:dhcp', 'nfsroot=10.0.0.1:/r', 'netconsole=@/eth0,@10.0.0.2/'],
    // What chooses CPUs.
    ...[
      'isolcpus=1-3',
      'nohz_full=1-3',
      'rcu_nocbs=1-3',
      'maxcpus=4',
      'nr_cpus=8',
      'nr-cpus=8',
      'irqaffinity=1',
    ],
    // What tests, debugs or mutes.
    ...[
      'quiet',
      'loglevel=0',
      'printk.devkmsg=off',
      'kunit.enable=1',
      'initcall_debug',
      'kgdbwait',
      'kgdboc=ttyS0',
    ],
    ...['dyndbg="func root_init +p"', 'nvme.dyndbg="+p"', 'fail_page_alloc=1,10,0,-1', 'rcutorture.onoff=1'],
    ...['LD_PRELOAD=/x.so', 'NODE_OPTIONS=--inspect', 'PATH=/bin'],
    // Its quote would swallow everything behind it.
    'foo="never closed',
  ])('%s', word => {
    const plan = planCommandLine(`first=1 ${word}`);
    expect(plan.inherited).toEqual(['first=1']);
    expect(plan.leftOut).toEqual([{ word, why: expect.stringMatching(/\w+ \w+/) }]);
  });
});

describe('kept', () => {
  test.each([
    ...[
      'console=ttyS0,115200n8',
      'console=tty0',
      'earlycon=uart8250,io,0x3f8',
      'earlyprintk=serial',
      'fbcon=map:0',
    ],
    ...['acpi=off', 'acpi_osi="!Windows 2020"', 'acpi_rsdp=0x7ffe0000', 'pci=nomsi,noaer', 'pcie_aspm=off'],
    ...[
      'iommu=pt',
      'intel_iommu=on',
      'amd_iommu=off',
      'nvme_core.default_ps_max_latency_us=0',
      'nvme.poll_queues=2',
    ],
    ...[
      'scsi_mod.scan=sync',
      'libata.force=noncq',
      'mpt3sas.max_queue_depth=1024',
      'usb-storage.quirks=0bc2:ab38:u',
    ],
    ...[
      'nokaslr',
      'mitigations=off',
      'tsc=reliable',
      'clocksource=tsc',
      'noapic',
      'lapic',
      'reboot=pci',
      'nomodeset',
    ],
    ...['mem_encrypt=on', 'ipv6.disable=1', 'net.ifnames=0', 'lockdown=integrity', 'module.sig_enforce=1'],
    ...[
      'dm_mod.dm_numa_node=0',
      'initcall_blacklist=sysfb_init',
      'loglevel=7',
      'ro',
      'rw',
      'unknown_word',
      'vendor.thing="a b"',
    ],
    ...['kdumpling.codec=lzo', 'memory=1', 'initx', 'rooster=1', 'ipx=1'],
    // These switch off what a kernel may have on by default.
    ...[
      'selinux=0',
      'apparmor=0',
      'ima_appraise=off',
      'audit=0',
      'softlockup_panic=0',
      'page_owner=off',
      'nmi_watchdog=0',
    ],
  ])('%s', word => expect(inherited(word)).toEqual([word]));
});

test('the whole of a quoted word goes or stays', () => {
  const line =
    'a="x  y" dm="1 vroot none ro,0 1 verity root_hexdigest=ab" "b=c d" dyndbg="func root_init +p" z';
  expect(inherited(line)).toEqual(['a="x  y"', '"b=c d"', 'z']);
});

test('what follows -- is left out, and the added words are in front of where it was', () => {
  const plan = planCommandLine('console=ttyS0 -- single nr_cpus=4');
  expect(plan.text).toMatch(/^console=ttyS0 irqpoll nr_cpus=1 .* panic=10$/);
  expect(plan.leftOut).toEqual([{ word: '-- single nr_cpus=4', why: expect.stringContaining('init') }]);
});

test.each([
  ['', true, true],
  ['', false, false],
  ['retain_initrd', true, true],
  // Kept for nothing, it would be memory that the capture lacks.
  ['retain_initrd', false, false],
])('of a line with "%s", the image stays where it is: %s', (running, keepsImage, expected) => {
  const { text } = planCommandLine(running, undefined, { keepsImage });
  expect(text.split(' ').filter(word => word === 'retain_initrd')).toHaveLength(expected ? 1 : 0);
});

describe('several CPUs', () => {
  const words = (append: string[], remove: string[] = [], architecture = 'x64') =>
    planCommandLine('', { append, remove }, { architecture, bootApicId: 16 }).added.map(({ word }) => word);
  const WORD = 'disable_cpu_apicid=16';

  test.each([
    ['nr_cpus=4', WORD],
    ['nr-cpus=4', WORD],
    ['nr_cpus=1', undefined],
    ['nr_cpus=4 nr_cpus=1', undefined],
    ['quiet', undefined],
  ])('with %s the CPU that the machine boots on is not started: %s', (append, word) => {
    expect(words([append]).find(one => one.startsWith('disable_cpu_apicid'))).toBe(word);
  });

  test.each([
    [1, [], [], 'nr_cpus=1'],
    [3, [], [], 'nr_cpus=3'],
    [3, ['nr_cpus=2'], [], undefined],
    [3, ['maxcpus=2'], [], 'nr_cpus=1'],
    [3, [], ['nr_cpus=1'], undefined],
  ])('%i CPUs chosen, append %j, remove %j', (cpus, append, remove, word) => {
    const { added, text } = planCommandLine('', { append, remove }, { cpus });
    expect(added.map(one => one.word).find(one => one.startsWith('nr_cpus'))).toBe(word);
    expect(text.match(/nr_cpus=/g)?.length ?? 0).toBe(word || append.length ? 1 : 0);
  });

  test('with several that were chosen', () => {
    const { text } = planCommandLine('nr_cpus=8', undefined, {
      architecture: 'x64',
      cpus: 4,
      bootApicId: 16,
    });
    expect(text).toContain(WORD);
    expect(text).toContain(' nr_cpus=4 ');
    expect(text).not.toContain('nr_cpus=8');
  });

  test('with all CPUs', () => expect(words([], ['nr_cpus'])).toContain(WORD));
  test('not on arm64', () => expect(words(['nr_cpus=4'], [], 'arm64')).not.toContain(WORD));
  test('an administrator’s own word replaces it', () => {
    expect(words(['nr_cpus=4 disable_cpu_apicid=2'])).not.toContain(WORD);
  });
});

describe('changes of an administrator', () => {
  test('an appended word is last and replaces the added one of its name', () => {
    const { text, leftOut } = planCommandLine('nr_cpus=8', { append: ['nr-cpus=4 panic=60'], remove: [] });
    expect(text.endsWith(' nr-cpus=4 panic=60')).toBe(true);
    expect(text).not.toMatch(/nr_cpus=1|panic=10/);
    expect(leftOut).toEqual(
      expect.arrayContaining([
        { word: 'nr_cpus=1', why: 'command_line_append replaces it' },
        { word: 'panic=10', why: 'command_line_append replaces it' },
        { word: 'nr_cpus=8', why: expect.stringContaining('CPUs') },
      ]),
    );
  });

  test('an appended word is never left out', () => {
    expect(crashCommandLine('', ['hugepages=1', 'quiet'])).toMatch(/ hugepages=1 quiet$/);
  });

  test.each([
    ['console', 'a b=1'],
    ['console=tty0', 'a console=ttyS0 b=1'],
    ['b a', 'console=tty0 console=ttyS0'],
    ['cons*', 'a b=1'],
    ['none', 'a console=tty0 console=ttyS0 b=1'],
  ])('command_line_remove %s', (remove, left) => {
    const plan = planCommandLine('a console=tty0 console=ttyS0 b=1', { append: [], remove: [remove] });
    expect(plan.inherited.join(' ')).toBe(left);
  });

  test('an added word can be removed', () => {
    expect(planCommandLine('', { append: [], remove: ['irqpoll'] }).text).not.toContain('irqpoll');
  });
});

describe('the table of families', () => {
  test.each(FAMILIES)('$does: names are of the form that a kernel has', ({ names }) => {
    for (const name of names.trim().split(/\s+/)) expect(name).toMatch(/^[\w.*/-]+$/);
  });

  test('no name is in two families', () => {
    const names = FAMILIES.flatMap(family => family.names.trim().split(/\s+/));
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });
});

test('the result reads back as the same words', () => {
  const { text, inherited: kept, added } = planCommandLine('a="b c" "d=e f" g');
  const words = parseCommandLine(text).words.map(word => word.text);
  expect(words).toEqual([...kept, ...added.map(({ word }) => word)]);
});
