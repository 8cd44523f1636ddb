/** What mod, mem, mounts, files and locks print of findings, as text and against the schemas of their documents. */
import { describe, expect, test } from 'vitest';
import type { DeadKernel } from '../../../../capture/autopsy/kernel.ts';
import type { Task } from '../../../../capture/autopsy/tasks/tasks.ts';
import type { Unwinder } from '../../../../capture/autopsy/unwind/unwinder.ts';
import { columnLines } from '../../../../scripts/lib/autopsy/columns.ts';
import { filesData, filesLines, tasksOrPanicTask } from '../../../../scripts/lib/autopsy/files.ts';
import {
  type LocksAnswer,
  locksData,
  locksLines,
  sleepingPlace,
} from '../../../../scripts/lib/autopsy/locks.ts';
import { MEMORY_PARTS, memoryText } from '../../../../scripts/lib/autopsy/mem.ts';
import { modData, modLines } from '../../../../scripts/lib/autopsy/mod.ts';
import { mountData, mountLines, namespaceOf } from '../../../../scripts/lib/autopsy/mounts.ts';
import { chooseNamed } from '../../../../scripts/lib/autopsy/named.ts';
import { DOCUMENTS } from '../../../../scripts/lib/schema/documents.ts';
import { misfits, placesOf } from '../../../support/json-schema.ts';

const HEADER = { format: 1, dump: '20261128T130217Z', release: '6.12.1', missing: ['A sentence.'] };

/** All documents together must have every member that is documented, and no other. */
function expectDocumented(verb: string, ...bodies: readonly object[]): void {
  const schema = DOCUMENTS[verb]!;
  const seen = new Set<string>();
  const documents = bodies.map(body => JSON.parse(JSON.stringify({ ...HEADER, ...body })));
  expect(documents.flatMap(document => misfits(schema, document, seen))).toEqual([]);
  expect(placesOf(schema).filter(place => !seen.has(place))).toEqual([]);
}

const MODULES = [
  {
    name: 'zram',
    address: 0xffffffffc075b740n,
    base: 0xffffffffc0755000n,
    sizeBytes: 49152,
    state: 'Live',
    taints: '',
    references: 1,
    usedBy: [],
  },
  { name: 'lz4', address: 0xffffffffc0746080n, sizeBytes: 900, usedBy: ['zram', 'a\nb'] },
] as const;

describe('mod', () => {
  test('text', () => {
    expect(modLines(MODULES)).toEqual([
      'MODULE            NAME  BASE               SIZE  STATE  TAINTS  USED  BY',
      'ffffffffc075b740  zram  ffffffffc0755000  49152  Live   -          1',
      'ffffffffc0746080  lz4   ?                   900  ?      ?          ?  zram,a b',
    ]);
  });

  test('document', () => expectDocumented('mod', modData(MODULES)));
});

describe('rows by name', () => {
  const choose = (...words: string[]) =>
    chooseNamed(MODULES, words, { what: 'module', listedBy: 'kdumpling mod' }).map(({ name }) => name);

  test.each([
    [[], ['zram', 'lz4']],
    [['lz4'], ['lz4']],
    [
      ['lz4', 'zram'],
      ['zram', 'lz4'],
    ],
    [['ffffffffc0746080'], ['lz4']],
    [['0xFFFFFFFFC0746080'], ['lz4']],
  ])('%j chooses %j', (words, names) => expect(choose(...words)).toEqual(names));

  test('a word that no row answers to is refused, also beside one that does', () => {
    expect(() => choose('zram', 'lz')).toThrow(
      'Cannot find the module lz: none of 2 has that name or address. List them: kdumpling mod',
    );
  });

  test('a table that could not be read has no rows', () => {
    expect(chooseNamed([], ['zram'], { what: 'module', listedBy: 'kdumpling mod' })).toEqual([]);
  });
});

const ZONE = {
  node: 0,
  name: 'DMA32',
  address: 0xff28d9a61ffd5680n,
  free: 505,
  min: 190,
  low: 237,
  high: 284,
  managed: 3840,
  present: 3998,
  spanned: 4095,
  startPfn: 1,
  freeBlocks: [1, 0, 25],
};
const FINDINGS = {
  meminfo: [
    { name: 'MemTotal', value: 925120, unit: 'kB' },
    { name: 'HugePages_Total', value: 15, unit: 'pages' },
  ],
  slab: [
    {
      name: 'dentry',
      address: 0xff28d9a602b2cd00n,
      objectBytes: 192,
      sizeBytes: 200,
      slabBytes: 8192,
      objectsPerSlab: 40,
      usage: { slabs: 2, objects: 80, inUse: 77 },
    },
    {
      name: 'inode_cache',
      address: 0xff28d9a602b2ce00n,
      objectBytes: 8,
      sizeBytes: 8,
      slabBytes: 4096,
      objectsPerSlab: 512,
    },
  ],
  zones: [ZONE],
  hugetlb: [
    {
      pageBytes: 2 << 20,
      total: 15,
      free: 10,
      reserved: 3,
      surplus: 1,
      isDefault: true,
      nodes: [{ node: 1, total: 7, free: 4, surplus: 0 }],
    },
  ],
} as const;

describe('mem', () => {
  const text = (part: (typeof MEMORY_PARTS)[number]) => memoryText(FINDINGS, [part]).lines();

  test('meminfo is what /proc/meminfo has', () => {
    expect(text('meminfo')).toEqual(['MemTotal:         925120 kB', 'HugePages_Total:       15']);
  });

  test('slab is what `kmem -s` of crash has, and a sum', () => {
    expect(text('slab')).toEqual([
      'CACHE             OBJSIZE  ALLOCATED  TOTAL  SLABS  SSIZE  NAME',
      'ff28d9a602b2cd00      192         77     80      2     8k  dentry',
      'ff28d9a602b2ce00        8          ?      ?      ?     4k  inode_cache',
      '2 slab caches: 2 slabs of 16 KiB, 15 KiB of them in objects in use; 1 cache without counts',
    ]);
  });

  test('zones', () => {
    expect(text('zones')).toEqual([
      'NODE  ZONE   FREE  MIN  LOW  HIGH  MANAGED  PRESENT  START_PFN',
      '   0  DMA32   505  190  237   284     3840     3998          1',
    ]);
  });

  test('buddy', () => {
    expect(text('buddy')).toEqual(['NODE  ZONE   0  1   2', '   0  DMA32  1  0  25']);
  });

  test('hugetlb', () => {
    expect(text('hugetlb')).toEqual([
      ' SIZE  NODE  TOTAL  FREE  RESERVED  SURPLUS',
      '2048k   all     15    10         3        1',
      '2048k     1      7     4                  0',
    ]);
  });

  test('parts are apart', () => {
    expect(memoryText(FINDINGS, ['zones', 'buddy']).lines()[2]).toBe('');
  });

  test('document', () => expectDocumented('mem', memoryText(FINDINGS, MEMORY_PARTS).data()));
});

const TASK: Task = {
  address: 0xff28d9a620108000n,
  pid: 71,
  tgid: 71,
  ppid: 1,
  comm: 'sh',
  state: 'UN',
  stateBits: 2,
  cpu: 1,
  isCurrent: false,
  isKernelThread: false,
  stack: 0n,
  memory: undefined,
};

describe('mounts', () => {
  const MOUNT = {
    mount: 0xff28d9a6011f8d80n,
    superBlock: 0xff28d9a60104b000n,
    type: 'ext4',
    device: '/dev/vda',
    directory: '/disk',
    isReadOnly: false,
  };

  test("crash's columns", () => {
    expect(mountLines([MOUNT, { ...MOUNT, isReadOnly: true }])).toEqual([
      'MOUNT             SUPERBLK          TYPE  DEVNAME   DIRNAME  RO',
      'ff28d9a6011f8d80  ff28d9a60104b000  ext4  /dev/vda  /disk    rw',
      'ff28d9a6011f8d80  ff28d9a60104b000  ext4  /dev/vda  /disk    ro',
    ]);
  });

  test("the namespace of PID 1, of another task, or the kernel's own", () => {
    const init = { ...TASK, pid: 1, comm: 'init' };
    expect(namespaceOf([TASK, init], undefined)).toBe(init);
    expect(namespaceOf([TASK, init], 'sh')).toBe(TASK);
    expect(namespaceOf([TASK], undefined)).toBeUndefined();
    expect(() => namespaceOf([TASK], '5')).toThrow('Cannot find the task 5');
  });

  test('document', () => expectDocumented('mounts', { pid: 1, mounts: [mountData(MOUNT)] }));
});

describe('files', () => {
  const FILE = {
    fd: 12,
    file: 0xff28d9a620f04480n,
    dentry: 0xff28d9a601407c00n,
    inode: 0xff28d9a6012ed548n,
    type: 'CHR',
  } as const;
  const FOUND = {
    task: TASK,
    found: { root: '/', cwd: '/root', files: [{ ...FILE, path: '/dev/console' }, FILE] },
  };

  test("crash's form", () => {
    expect(filesLines(FOUND)).toEqual([
      'PID: 71  TASK: ff28d9a620108000  CPU: 1  COMMAND: "sh"',
      'ROOT: /    CWD: /root',
      'FD  FILE              DENTRY            INODE             TYPE  PATH',
      '12  ff28d9a620f04480  ff28d9a601407c00  ff28d9a6012ed548  CHR   /dev/console',
      '12  ff28d9a620f04480  ff28d9a601407c00  ff28d9a6012ed548  CHR   ?',
    ]);
  });

  test('a kernel thread', () => {
    expect(filesLines({ task: TASK, found: { files: [] } }).slice(1)).toEqual([
      'ROOT: ?    CWD: ?',
      'No open files',
    ]);
  });

  test('document', () => expectDocumented('files', { tasks: [filesData(FOUND)] }));

  const LIST = { cpus: [], panicCpu: 0, totalPages: 1, errors: [], tasks: [TASK] };

  test('without arguments it is about the task that the panic was in', () => {
    expect(tasksOrPanicTask({ ...LIST, panicTask: TASK }, [])).toEqual([TASK]);
    expect(tasksOrPanicTask({ ...LIST, panicTask: undefined }, ['71'])).toEqual([TASK]);
  });

  test('nobody knows which task that is', () => {
    expect(() => tasksOrPanicTask({ ...LIST, panicTask: undefined }, [])).toThrow(
      'Cannot choose a task: the dump does not say in which one the panic was; expected a PID, a name or an address. See kdumpling ps',
    );
  });
});

describe('locks', () => {
  const other: Task = { ...TASK, address: 0xff28d9a620109000n, pid: 72, comm: 'second' };
  const reader: Task = { ...TASK, address: 0xff28d9a62010a000n, pid: 73, comm: 'reader', state: 'IN' };
  const MUTEX = { kind: 'mutex', lock: 0xffffffffc0a01000n } as const;
  const RWSEM = { kind: 'rwsem', lock: 0xff28d9a620200000n, wants: 'read' } as const;
  const kernel = {
    symbols: {
      at: (address: bigint) =>
        address === MUTEX.lock
          ? { name: 'first', address, offset: 0, type: 'd', module: 'kdumpling_lab' }
          : undefined,
    },
  } as unknown as DeadKernel;
  const answer: LocksAnswer = {
    kernel,
    tasks: [TASK, other, reader],
    sleepsIn: task => (task === TASK ? 'percpu_rwsem_wait' : undefined),
    waits: {
      waiting: [
        { task: TASK, wait: MUTEX, holder: { by: 'task', task: other.address } },
        { task: other, wait: MUTEX, holder: { by: 'task', task: TASK.address } },
        { task: reader, wait: RWSEM, holder: { by: 'readers', count: 2, last: other.address } },
        { task: reader, wait: RWSEM, holder: { by: 'readers', count: 1 } },
        { task: reader, wait: RWSEM, holder: { by: 'task', task: 0xff00000000000000n } },
        { task: reader, wait: RWSEM, holder: { by: 'nobody' } },
        { task: reader, wait: { ...RWSEM, kind: 'semaphore' }, holder: { by: 'unknown' } },
        { task: reader, wait: RWSEM },
        { task: TASK },
        { task: other },
      ],
      circles: [[TASK, other]],
    },
  };

  test('who waits for whom, and what is not known', () => {
    const cells = locksLines(answer).map(line => line.split(/ {2,}/).slice(-2));
    expect(cells).toEqual([
      ['WAITS FOR', 'HELD BY'],
      ['mutex ffffffffc0a01000 first [kdumpling_lab]', '72 second (UN)'],
      ['mutex ffffffffc0a01000 first [kdumpling_lab]', '71 sh (UN)'],
      ['rwsem (to read) ff28d9a620200000', '2 readers, the last to come is 72 second (UN)'],
      ['rwsem (to read) ff28d9a620200000', '1 reader'],
      ['rwsem (to read) ff28d9a620200000', 'a task that is gone, ff00000000000000'],
      ['rwsem (to read) ff28d9a620200000', 'nobody: it is being handed over'],
      ['semaphore (to read) ff28d9a620200000', '?'],
      ['rwsem (to read) ff28d9a620200000', '?'],
      ['sh', 'not known; sleeps in percpu_rwsem_wait'],
      ['second', 'not known'],
      ['deadlock: 71 sh waits for 72 second waits for 71 sh'],
    ]);
  });

  test.each([
    ['x86', ['__schedule', 'schedule', 'io_schedule']],
    ['arm64', ['__switch_to', '__schedule', 'schedule', 'io_schedule']],
  ])('a task sleeps in the function that called the scheduler, on %s', (_, scheduler) => {
    const frames = [...scheduler, 'folio_wait_bit_common', 'filemap_read'];
    const unwinder = {
      backtrace: () => ({ end: 'whole', frames: frames.map(symbol => ({ symbol, reliable: true })) }),
    } as unknown as Unwinder;
    expect(sleepingPlace(unwinder)(TASK)).toBe('folio_wait_bit_common');
    expect(sleepingPlace(undefined)(TASK)).toBeUndefined();
  });

  test('nothing waits', () => {
    expect(locksLines({ ...answer, waits: { waiting: [], circles: [] } })).toEqual([
      'No task waits for a lock or sleeps uninterruptibly',
    ]);
  });

  test('document', () => expectDocumented('locks', locksData(answer)));
});

test('names from a dump cannot steer the terminal', () => {
  expect(columnLines(['A', '>B'], [['\x1b[2J', '1']])).toEqual(['A     B', ' [2J  1']);
});
