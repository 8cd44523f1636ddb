/** An autopsy as the pages of tests show it: a NULL dereference by insmod, and tasks that wait for one another. */
import type { Autopsy, MemoryCell, StackFrame } from '../../../../../capture/autopsy/summary/autopsy.ts';

let address = 0xffffffff81000000n;

export function frames(...names: string[]): StackFrame[] {
  return names.map(text => {
    const [name, module] = text.split('@');
    address += 0x40n;
    return {
      address: `0x${address.toString(16)}`,
      name: name!,
      offset: '0x1c',
      size: '0xa0',
      ...(module && { module }),
    };
  });
}

const SLEEP = ['__schedule', 'schedule'];
const ENTRY = ['do_syscall_64', 'entry_SYSCALL_64_after_hwframe'];
const MUTEX = [...SLEEP, 'schedule_preempt_disabled', '__mutex_lock.constprop.0'];

function tasks(comm: string, ...pids: number[]) {
  return pids.map(pid => ({ pid, comm }));
}

function cells(
  count: number,
  use: (i: number) => Partial<Record<'kernel' | 'cache' | 'user' | 'free', number>>,
): MemoryCell[] {
  return Array.from({ length: count }, (_, i) => {
    const uses = use(i);
    const pages = Object.values(uses).reduce((sum, n) => sum + n, 0);
    return { pages, held: uses.kernel ?? 0, uses };
  });
}

const low = cells(1, () => ({ kernel: 90, free: 68 }));
const high = cells(160, i => {
  const kernel = i < 14 ? 900 : Math.round(90 + 120 * Math.abs(Math.sin(i * 1.7)));
  const cache = Math.round(300 + 250 * Math.sin(i / 9));
  const user = i > 90 ? Math.round(200 + 150 * Math.cos(i / 6)) : 60;
  return { kernel, cache, user, free: Math.max(0, 1638 - kernel - cache - user) };
});

function sum(all: readonly MemoryCell[]) {
  const uses: Record<string, number> = {};
  for (const cell of all)
    for (const [use, count] of Object.entries(cell.uses)) uses[use] = (uses[use] ?? 0) + count;
  return uses;
}

const uses = sum([...low, ...high]);

export const AUTOPSY: Autopsy = {
  format: 1,
  kernel: { release: '6.1.0-56-cloud-amd64', nodename: 'web7' },
  crash: {
    class: 'null-pointer',
    cpu: 1,
    task: { pid: 91, comm: 'insmod' },
    registers: { RIP: 'ffffffffc042a005', RSP: 'ff8484f1803a3db0', RAX: '0000000000000000' },
    stack: frames(
      'labcrash_write@labcrash',
      'labcrash_null@labcrash',
      'labcrash_init@labcrash',
      'do_one_initcall',
      ...ENTRY,
    ),
  },
  cpus: [
    {
      cpu: 0,
      task: { pid: 71, comm: 'kworker/0:2' },
      isIdle: false,
      isPanicking: false,
      stack: frames(
        'native_queued_spin_lock_slowpath',
        '_raw_spin_lock',
        'mine_flush@mine',
        'process_one_work',
        'worker_thread',
        'kthread',
        'ret_from_fork',
      ),
    },
    {
      cpu: 1,
      task: { pid: 91, comm: 'insmod' },
      isIdle: false,
      isPanicking: true,
      stack: frames(
        'labcrash_write@labcrash',
        'labcrash_null@labcrash',
        'labcrash_init@labcrash',
        'do_one_initcall',
        'do_init_module',
        ...ENTRY,
      ),
    },
    {
      cpu: 2,
      task: { pid: 0, comm: 'swapper/2' },
      isIdle: true,
      isPanicking: false,
      stack: frames('default_idle', 'do_idle', 'cpu_startup_entry', 'start_secondary'),
    },
    {
      cpu: 3,
      task: { pid: 0, comm: 'swapper/3' },
      isIdle: true,
      isPanicking: false,
      stack: frames('default_idle', 'do_idle', 'cpu_startup_entry', 'start_secondary'),
    },
  ],
  stacks: [
    {
      stack: frames(...MUTEX, 'ext4_rename', 'vfs_rename', 'do_renameat2', ...ENTRY),
      count: 14,
      states: { D: 14 },
      tasks: tasks('rsync', ...Array.from({ length: 14 }, (_, i) => 400 + i)),
    },
    {
      stack: frames(
        ...SLEEP,
        'io_schedule',
        'folio_wait_bit_common',
        'filemap_fault',
        '__do_fault',
        'handle_mm_fault',
        'exc_page_fault',
        'asm_exc_page_fault',
      ),
      count: 2,
      states: { D: 2 },
      tasks: tasks('postgres', 611, 612),
    },
    {
      stack: frames(...SLEEP, 'worker_thread', 'kthread', 'ret_from_fork'),
      count: 31,
      states: { I: 31 },
      tasks: Array.from({ length: 31 }, (_, i) => ({ pid: 5 + i, comm: `kworker/${i % 4}:${i}` })),
    },
    {
      stack: frames(...SLEEP, 'do_epoll_wait', '__x64_sys_epoll_wait', ...ENTRY),
      count: 6,
      states: { S: 6 },
      tasks: tasks('nginx', 301, 302, 303, 304, 305, 306),
    },
    {
      stack: [],
      incomplete: 'the stack is not in the dump',
      count: 1,
      states: { Z: 1 },
      tasks: tasks('defunct', 888),
    },
  ],
  waits: [
    {
      task: { pid: 400, comm: 'rsync' },
      state: 'D',
      kind: 'mutex',
      lock: '0xff2e36dc81a6caa0',
      owner: { pid: 71, comm: 'kworker/0:2' },
      in: 'ext4_rename',
    },
    {
      task: { pid: 401, comm: 'rsync' },
      state: 'D',
      kind: 'mutex',
      lock: '0xff2e36dc81a6caa0',
      owner: { pid: 71, comm: 'kworker/0:2' },
      in: 'ext4_rename',
    },
    {
      task: { pid: 402, comm: 'rsync' },
      state: 'D',
      kind: 'rwsem',
      lock: 'namespace_sem',
      owner: { pid: 401, comm: 'rsync' },
      in: 'lookup_slow',
    },
    {
      task: { pid: 500, comm: 'transfer-a' },
      state: 'D',
      kind: 'mutex',
      lock: 'account_b',
      owner: { pid: 501, comm: 'transfer-b' },
      in: 'move_money',
    },
    {
      task: { pid: 501, comm: 'transfer-b' },
      state: 'D',
      kind: 'mutex',
      lock: 'account_a',
      owner: { pid: 500, comm: 'transfer-a' },
      in: 'move_money',
    },
    {
      task: { pid: 502, comm: 'audit' },
      state: 'D',
      kind: 'mutex',
      lock: 'account_a',
      owner: { pid: 500, comm: 'transfer-a' },
      in: 'count_money',
    },
    { task: { pid: 611, comm: 'postgres' }, state: 'D', in: 'filemap_fault' },
    { task: { pid: 612, comm: 'postgres' }, state: 'D', in: 'filemap_fault' },
  ],
  modules: [
    { name: 'labcrash', sizeBytes: 20480, taints: 'OE' },
    ...[
      'ext4',
      'jbd2',
      'mbcache',
      'crc16',
      'virtio_blk',
      'virtio_net',
      'net_failover',
      'failover',
      'button',
      'fuse',
      'dm_mod',
      'autofs4',
    ].map((name, i) => ({ name, sizeBytes: 16384 * (i + 1) })),
  ],
  taints: ['O', 'E'],
  memory: {
    pageSizeBytes: 4096,
    ranges: [
      { start: '0x1000', end: '0x9f000', pages: 158, cells: low },
      { start: '0x100000', end: '0x3fe00000', pages: 262080, cells: high },
    ],
    uses,
    held: { kernel: uses.kernel! },
  },
  meminfo: {
    MemTotal: 1011340,
    MemFree: 402112,
    MemAvailable: 620000,
    AnonPages: 98000,
    Slab: 61200,
    SUnreclaim: 33100,
    PageTables: 2100,
    KernelStack: 1900,
    Cached: 302000,
    Dirty: 120,
    Writeback: 0,
  },
  log: {
    earlier: 812,
    lines: [
      ...Array.from({ length: 60 }, (_, i) => ({
        seconds: 2 + i / 7,
        text: `virtio_blk virtio2: [vda] ${i} 512-byte logical blocks`,
      })),
      { seconds: 23.171453, text: 'BUG: kernel NULL pointer dereference, address: 0000000000000018' },
      { seconds: 23.172466, text: '#PF: supervisor write access in kernel mode' },
      { seconds: 23.174147, text: 'Call Trace:' },
      { seconds: 23.174147, text: ' labcrash_null+0xf/0x20 [labcrash]' },
      { seconds: 23.174147, text: 'Kernel panic - not syncing: Fatal exception' },
    ],
  },
};
