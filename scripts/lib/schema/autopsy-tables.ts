/** The documents of `log`, `mod`, `mem`, `mounts`, `files` and `locks --json`. */
import { address, autopsyDocument } from './autopsy.ts';
import {
  count,
  flag,
  list,
  mapOf,
  number,
  object,
  oneOf,
  optional,
  orNull,
  text,
  texts,
  time,
} from './schema.ts';

export const LOG = autopsyDocument('The kernel log in memory.', {
  booted: orNull(
    time('When the clock of the log was 0; null where the dump does not say when the machine crashed.'),
  ),
  records: list(
    'The oldest comes first.',
    object('A record.', {
      seconds: number('When it was written, by the clock of the log.'),
      level: optional(
        count('0 is an emergency, 7 is for debugging; absent where the dump does not have it.'),
      ),
      facility: optional(count('0 is the kernel; absent where the dump does not have it.')),
      text: text('Its lines.'),
    }),
  ),
});

export const MOD = autopsyDocument('The modules of the crashed kernel.', {
  modules: list(
    'The one that was loaded last comes first.',
    object('A module.', {
      name: text('Its name.'),
      address: address('Of its `struct module`.'),
      base: optional(address('Where its code begins; absent when that is not known.')),
      bytes: count('Its code and data.'),
      state: optional(
        oneOf(
          'What it was doing; absent when that is not known.',
          'Live',
          'Loading',
          'Unloading',
          'Unformed',
        ),
      ),
      taints: optional(text('Letters as in /proc/modules; absent when they are not known.')),
      references: optional(
        number('How often it is in use; absent where the kernel does not count or that cannot be read.'),
      ),
      usedBy: texts('The modules that need it.'),
    }),
  ),
});

const SLAB_CACHE = object('A slab cache.', {
  name: text('Its name.'),
  address: address('Of its `struct kmem_cache`.'),
  objectBytes: count('An object, as its users see it.'),
  bytes: count('An object with what the allocator adds.'),
  slabBytes: count('A slab.'),
  objectsPerSlab: count('How many objects fit into a slab.'),
  usage: optional(
    object('How full it is; absent where the kernel does not count or that cannot be read.', {
      slabs: count('Its slabs.'),
      objects: count('Objects that fit into them.'),
      inUse: number('Objects in use, those that a CPU keeps at hand included, as in /proc/slabinfo.'),
    }),
  ),
});

const SLAB_TOTALS = object('Sums over the caches of which the kernel has counts.', {
  caches: count('All caches.'),
  counted: count('Those with counts.'),
  slabs: count('Their slabs.'),
  bytes: count(
    'The size of these slabs. `Slab` in /proc/meminfo also has allocations that are larger than a slab.',
  ),
  inUseBytes: count('Of it, what objects in use take.'),
});

const ZONE = object('A zone; sizes in pages.', {
  node: count('The memory node that it is in.'),
  name: text('Its name.'),
  address: address('Of its `struct zone`.'),
  free: count('Free pages.'),
  min: number('The watermark below which only urgent allocations succeed.'),
  low: number('The watermark at which reclaim begins.'),
  high: number('The watermark at which reclaim ends.'),
  managed: number('Pages that the allocator has.'),
  present: number('Pages that exist.'),
  spanned: number('The same with holes.'),
  startPfn: number('The first page frame.'),
  freeBlocks: list('Free blocks of 2^n pages, beginning with n = 0.', { type: 'number' }),
});

const HUGE_PAGES = object('A pool of huge pages of one size.', {
  pageBytes: count('The size of a page.'),
  total: number('Pages in the pool.'),
  free: number('Pages that nobody has.'),
  reserved: number('Of them, those that are promised.'),
  surplus: number('Pages beyond those that were configured.'),
  isDefault: flag('It is the size that /proc/meminfo is about.'),
  nodes: list(
    'What each memory node has.',
    object('A memory node.', {
      node: count('Its number.'),
      total: count('Pages in the pool.'),
      free: count('Pages that nobody has.'),
      surplus: count('Pages beyond those that were configured.'),
    }),
  ),
});

export const MEM = autopsyDocument('The memory of the crashed machine, the parts that were asked for.', {
  meminfo: optional(
    mapOf('With --meminfo: the rows of /proc/meminfo, in kB; `HugePages_…` are numbers of pages.', {
      type: 'number',
    }),
  ),
  slab: optional(list('With --slab.', SLAB_CACHE)),
  slabTotals: optional(SLAB_TOTALS),
  zones: optional(list('With --zones or --buddy: those that have memory.', ZONE)),
  hugetlb: optional(list('With --hugetlb.', HUGE_PAGES)),
});

export const MOUNTS = autopsyDocument('The file systems that a task saw.', {
  pid: count('The PID of the task; 0 for the kernel itself, where there is no PID 1.'),
  mounts: list(
    'In the order in which the kernel has them.',
    object('A mount.', {
      mount: address('Of its `struct mount`.'),
      superBlock: address('Of its `struct super_block`.'),
      type: text('The type of the file system.'),
      device: text('What was mounted.'),
      directory: text('Where.'),
      isReadOnly: flag('The mount or its whole file system is read-only, `ro` in /proc/mounts.'),
    }),
  ),
});

export const FILES = autopsyDocument('What tasks had open.', {
  tasks: list(
    'The tasks that were asked for.',
    object('A task.', {
      pid: count('Its PID.'),
      address: address('Of its `struct task_struct`.'),
      comm: text('Its name.'),
      root: optional(text('Its root directory; absent when that is not known.')),
      cwd: optional(text('Its working directory; absent when that is not known.')),
      files: list(
        'By number.',
        object('An open file.', {
          fd: count('Its number.'),
          file: address('Of its `struct file`.'),
          dentry: address('Of its `struct dentry`.'),
          inode: address('Of its `struct inode`.'),
          type: oneOf(
            'As crash names types; `UNKN` is what has none, such as an eventfd.',
            ...['REG', 'DIR', 'CHR', 'BLK', 'FIFO', 'SOCK', 'LNK', 'UNKN'],
          ),
          path: optional(text('Its path; absent when that is not known.')),
        }),
      ),
    }),
  ),
});

export const LOCKS = autopsyDocument('Which tasks waited for a lock, and who held it.', {
  waiting: list(
    'Tasks in uninterruptible sleep, and others that slept for a lock.',
    object('A task.', {
      pid: count('Its PID.'),
      address: address('Of its `struct task_struct`.'),
      comm: text('Its name.'),
      state: text('In the words of crash: `UN` or `IN`.'),
      lock: optional(
        object('What it waited for; absent when that is no lock, or memory does not show it.', {
          kind: oneOf('What kind of lock.', 'mutex', 'rwsem', 'semaphore'),
          address: address('Of the lock.'),
          symbol: optional(text('The symbol that it is in; absent for one that was allocated.')),
        }),
      ),
      wants: optional(oneOf('Of a rwsem: what for.', 'read', 'write')),
      sleepsIn: optional(
        text(
          'The function in which it slept, where it waited for no known lock; absent when its stack does not say.',
        ),
      ),
      holder: optional(
        object('Who held the lock; absent when that cannot be read.', {
          by: oneOf(
            '`nobody`: it was being handed over. `unknown`: the kernel does not record it.',
            'task',
            'readers',
            'nobody',
            'unknown',
          ),
          task: optional(
            address('Of its `struct task_struct`. Of readers: the last that took it, if that is known.'),
          ),
          readers: optional(count('How many readers held it.')),
        }),
      ),
    }),
  ),
  circles: list(
    'Deadlocks.',
    list('The PIDs of tasks, each of which waited for the next one, and the last for the first.', {
      type: 'integer',
    }),
  ),
});
