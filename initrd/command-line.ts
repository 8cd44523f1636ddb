/** The crash kernel's command line, from the running kernel's: what is taken out and what is put in, with reasons. */

/** Words of the first kernel that the crash kernel must not have. A name, or a name's beginning with `*`. */
const REMOVED: readonly { readonly word: string; readonly why: string }[] = [
  { word: 'crashkernel', why: 'there is no room for another crash kernel' },
  { word: 'panic', why: 'ours says when the capture goes home' },
  { word: 'panic_on_warn', why: 'a warning must not cost the dump' },
  { word: 'hugepages*', why: 'would take the whole reservation' },
  { word: 'default_hugepagesz', why: 'goes with hugepages' },
  { word: 'slub_debug', why: 'eats memory' },
  { word: 'quiet', why: 'the serial log is what a person has' },
  { word: 'log_buf_len', why: 'eats memory' },
  { word: 'swiotlb', why: 'eats memory' },
  { word: 'isolcpus', why: 'there is one CPU' },
  { word: 'BOOT_IMAGE', why: 'names the boot loader’s file, not ours' },
  { word: 'root*', why: 'root=, rootflags=, rootfstype=: the initrd is our root' },
  { word: 'initrd', why: 'names the boot loader’s file, not ours' },
  { word: 'init', why: 'ours is /init' },
  { word: 'ip', why: 'a crash kernel brings no network up (Linux net/ipv4/ipconfig.c)' },
  { word: 'nfsroot', why: 'likewise' },
  { word: 'netconsole', why: 'likewise' },
];

const ADDED: readonly { readonly word: string; readonly why: string }[] = [
  { word: 'irqpoll', why: 'devices may still raise interrupts that nobody handles any more' },
  { word: 'nr_cpus=1', why: 'one CPU needs less memory, and the others are as the crash left them' },
  { word: 'reset_devices', why: 'drivers must not trust the state that the crash left' },
  { word: 'cgroup_disable=memory', why: 'saves memory; there is nothing to account' },
  { word: 'mce=off', why: 'a machine check raised by the crash must not kill the capture' },
  { word: 'numa=off', why: 'saves memory; the reservation is one piece' },
  { word: 'transparent_hugepage=never', why: 'saves memory' },
  { word: 'novmcoredd', why: 'device dumps would take memory from the capture' },
  { word: 'hest_disable', why: 'firmware error reports must not stop the capture' },
  { word: 'acpi_no_memhotplug', why: 'the crashed kernel’s memory is not ours to add' },
  {
    word: 'rootfstype=ramfs',
    why: 'a tmpfs root stops at half of memory; the initrd needs more (Linux init/do_mounts.c)',
  },
  { word: 'oops=panic', why: 'a broken capture kernel goes home instead of hanging' },
  { word: 'panic=10', why: 'the backstop: whatever kills PID 1 ends in a reboot, after a time to read why' },
];

/**
 * @param running the first kernel's /proc/cmdline.
 * @param extra words of our own user, put last so that they win.
 */
export function crashCommandLine(running: string, extra: readonly string[] = []): string {
  const kept = running
    .trim()
    .split(/\s+/)
    .filter(word => word !== '' && !isRemoved(word));
  const added = ADDED.map(({ word }) => word).filter(word => !kept.includes(word));
  return [...kept, ...added, ...extra].join(' ');
}

function isRemoved(word: string): boolean {
  const name = word.split('=', 1)[0];
  return REMOVED.some(({ word: removed }) =>
    removed.endsWith('*') ? name.startsWith(removed.slice(0, -1)) : name === removed,
  );
}
