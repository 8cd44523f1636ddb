/**
 * Words of the first kernel's command line that its crash kernel must not have, by family. Words of no family stay: they
 * are what reaches the console, the disk and odd hardware, or they mean nothing to the crash kernel.
 */
import { parameterName, type Word } from './command-words.ts';

export interface Family {
  /** What the words do, for people and for JSON. */
  readonly does: string;
  /** Why the crash kernel cannot have that. */
  readonly why: string;
  /** Parameter names, separated by blanks; `*` stands for any characters. */
  readonly names: string;
  /** Values with which such a word stays, because it switches its subject off. */
  readonly unless?: RegExp;
}

const OFF = /^(0|n|no|off|false|disabled?|noforce)$/i;

export const FAMILIES: readonly Family[] = [
  {
    does: 'reserves the crash kernel’s memory',
    why: 'there is no second crash kernel',
    names: 'crashkernel crash_kexec_post_notifiers elfcorehdr dmcryptkeys',
  },
  {
    does: 'turns an error into a panic',
    why: 'an error that the capture survives must not cost the dump',
    names: `*panic* oops panic_print softlockup_all_cpu_backtrace hardlockup_all_cpu_backtrace watchdog_thresh
      hung_task_*`,
    unless: OFF,
  },
  {
    does: 'watches for lockups by NMI',
    why: 'a slow capture is not a lockup; the supervisor and the watchdogs decide that',
    names: 'nmi_watchdog',
    unless: OFF,
  },
  {
    does: 'sets a sysctl',
    why: 'settings for the first kernel’s work: vm.* ones take memory, kernel.* ones panic or forbid what the capture needs',
    names: 'sysctl.* sysctl/*',
  },
  {
    does: 'takes memory',
    why: 'the reservation is all the memory that the capture has',
    names: `hugepages* default_hugepagesz hugetlb_cma hugetlb_free_vmemmap cma *_cma cma_* kvm_cma_resv_ratio
      transparent_hugepage* thp_* log_buf_len swiotlb reserve_mem retain_initrd keepinitrd ramdisk_size brd.*
      zswap.* zram.* *hash_entries cgroup_enable swapaccount coherent_pool audit_backlog_limit kho kho_* numa*
      trace_* traceoff_on_warning tp_printk* ftrace* kprobe_event* alloc_snapshot stacktrace*
      slub_* slab_* page_owner page_table_check page_poison* page_alloc.* early_page_ext stack_depot_*
      kfence* kasan* kmsan* kcsan* kmemleak* debug_pagealloc debug_guardpage_minorder debug_objects dma_debug*`,
    unless: OFF,
  },
  {
    does: 'limits or remaps memory',
    why: 'the addresses are those of the whole machine; the crash kernel has its own memory map',
    names: `mem memmap memtest memblock efi_fake_mem add_efi_memmap movablecore kernelcore movable_node
      memory_hotplug.* memhp_* highmem vmalloc`,
  },
  {
    does: 'chooses init, root or resume',
    why: 'the root is the initrd, and its /init is the capture',
    names: `init rdinit root root* rw_root ramdisk_start load_ramdisk prompt_ramdisk noinitrd skip_initramfs initramfs_options initrd
      initrdmem bootconfig resume* noresume hibernate nohibernate single s S 1 2 3 4 5 emergency rescue auto
      usr* mount.* boot ostree* overlayroot fstab md raid fsck.* fastboot forcefsck`,
  },
  {
    does: 'names the boot loader’s files',
    why: 'the crash kernel is loaded by kexec',
    names: 'BOOT_IMAGE BOOTIF bootdev',
  },
  {
    does: 'is for the first kernel’s user space',
    why: 'none of it is in the capture',
    names: `systemd.* systemd_* rd.* rd_* rdblacklist udev.* dracut* luks* cryptdevice plymouth* splash nosplash rhgb
      ignition.* coreos.* cloud_* network_config ds cc live* casper* modules_load modprobe.blacklist
      inst.* ks cros_* vconsole.* locale.*`,
  },
  {
    does: 'keeps kernel modules from loading',
    why: 'the initrd loads only the modules that the capture needs',
    names: 'module_blacklist nomodule',
  },
  {
    does: 'enforces a policy',
    why: 'the policy is for the first system, and could forbid running the capture',
    names: `ima ima_* evm evm_* integrity* ipe ipe.* ipe_* dm dm_mod.create dm_mod.waitfor dm_verity.* dm_crypt.*
      dm_integrity.* roothash verity* loadpin.* lsm lsm.* security selinux
      enforcing checkreqprot apparmor apparmor.* smack* tomoyo* landlock* yama.* fips audit`,
    unless: OFF,
  },
  {
    does: 'brings a network up',
    why: 'the capture has no network, and waiting for one would hold it up (Linux net/ipv4/ipconfig.c)',
    names: `ip ip6 nfs* netconsole netconsole.* netroot cifsroot iscsi_* ifname vlan bond team bridge nameserver
      netdev dhcp* carrier_timeout`,
  },
  {
    does: 'chooses or isolates CPUs',
    why: 'kdumpling chooses how many CPUs the crash kernel has, whichever crashed',
    names: `isolcpus nohz_full rcu_nocbs rcu_nocb_poll maxcpus nr_cpus possible_cpus additional_cpus nosmp nosmt
      irqaffinity kthread_cpus housekeeping disable_cpu_apicid cpu0_hotplug workqueue.unbound_cpus managed_irq`,
  },
  {
    does: 'changes the software watchdog',
    why: 'it resets a capture that hangs, and softdog.soft_noboot would keep it from doing so',
    names: 'softdog.*',
  },
  {
    does: 'mutes the console',
    why: 'the console is where the capture reports',
    names: 'quiet loglevel printk.devkmsg',
    unless: /^([5-9]|1\d|on|ratelimit)$/,
  },
  {
    does: 'tests, traces or debugs the kernel',
    why: 'it slows the capture down, floods the console, injects faults or waits for a debugger',
    names: `kunit* *.kunit* *torture.* *_test.* test_* lkdtm.* fail_* failslab initcall_debug dyndbg *.dyndbg
      ddebug_query kgdb* kdb* ekgdboc boot_delay printk.boot_delay printk_delay mminit_loglevel profile lockdep* lock_stat
      prove_locking schedstats backtrace_idle debugpat ramoops.* memory_corruption_check*`,
    unless: OFF,
  },
  {
    does: 'becomes the environment of PID 1',
    why: 'PID 1 is the capture; such a word could change how its shell, Node or libraries run',
    names: 'PATH HOME SHELL ENV IFS TERM LANG LC_* TZ PS4 LD_* NODE_* UV_* OPENSSL_* SSL_* MALLOC_* GLIBC_*',
  },
];

const MATCHERS = FAMILIES.map(family => ({ family, matches: matcherOf(family.names) }));

/** The family because of which a word is left out; undefined for a word that stays. */
export function familyOf(word: Word): Family | undefined {
  return MATCHERS.find(
    ({ family, matches }) =>
      matches(word.name) && !(word.value !== undefined && family.unless?.test(word.value)),
  )?.family;
}

/** @param names as in `Family`. @returns whether a parameter's name is one of them. */
export function matcherOf(names: string): (name: string) => boolean {
  const patterns = names
    .trim()
    .split(/\s+/)
    .map(name =>
      parameterName(name)
        .replace(/[.+?^${}()|[\]\\]/g, '\\$&')
        .replaceAll('*', '.*'),
    );
  const all = new RegExp(`^(?:${patterns.join('|')})$`);
  return name => all.test(name);
}
