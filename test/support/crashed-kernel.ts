/**
 * A whole crashed kernel for an autopsy, as a vmcore: kallsyms, BTF, per-CPU memory, modules with symbols and BTF, tasks in
 * their lists and in the table of PIDs. Structures are small, and members are where the table here has them.
 */
import { BtfBuilder } from './btf-builder.ts';
import { buildKallsyms, type SymbolSpec } from './kallsyms-builder.ts';
import { IMAGE_PADDR, IMAGE_VADDR, KernelBuilder } from './kernel-builder.ts';
import { prstatus } from './kernel-stack.ts';
import { buildVmcore, encodeNotes } from './vmcore-builder.ts';

type Layout = Readonly<
  Record<string, readonly [bytes: number, Readonly<Record<string, readonly [number, string]>>]>
>;

/** A type is a name, `*` for a pointer, or `name[count]`. */
const LAYOUT: Layout = {
  list_head: [16, { next: [0, '*'], prev: [8, '*'] }],
  hlist_head: [8, { first: [0, '*'] }],
  hlist_node: [16, { next: [0, '*'], pprev: [8, '*'] }],
  cpumask: [8, { bits: [0, 'ulong[1]'] }],
  percpu_counter: [16, { count: [0, 'long'], counters: [8, '*'] }],
  xarray: [16, { xa_head: [8, '*'] }],
  xa_node: [544, { slots: [32, '*[64]'] }],
  idr: [24, { idr_rt: [0, 'xarray'] }],
  pid_namespace: [32, { idr: [0, 'idr'] }],
  pid: [32, { tasks: [0, 'hlist_head[4]'] }],
  thread_info: [8, { cpu: [4, 'uint'] }],
  mm_struct: [80, { total_vm: [0, 'ulong'], rss_stat: [16, 'percpu_counter[4]'] }],
  signal_struct: [32, { thread_head: [16, 'list_head'] }],
  task_struct: [
    256,
    {
      thread_info: [0, 'thread_info'],
      __state: [8, 'uint'],
      flags: [12, 'uint'],
      stack: [16, '*'],
      tasks: [24, 'list_head'],
      pid: [40, 'int'],
      tgid: [44, 'int'],
      exit_state: [48, 'int'],
      real_parent: [56, '*'],
      mm: [64, '*'],
      signal: [72, '*'],
      thread_node: [80, 'list_head'],
      pid_links: [96, 'hlist_node[4]'],
      comm: [160, 'char[16]'],
    },
  ],
  rq: [32, { curr: [8, '*'], idle: [16, '*'], nr_running: [24, 'uint'] }],
  module_memory: [16, { base: [0, '*'], size: [8, 'uint'] }],
  mod_kallsyms: [32, { symtab: [0, '*'], num_symtab: [8, 'uint'], strtab: [16, '*'], typetab: [24, '*'] }],
  module: [
    192,
    { list: [8, 'list_head'], name: [24, 'char[56]'], mem: [80, 'module_memory[2]'], kallsyms: [120, '*'] },
  ],
  btf_module: [32, { list: [0, 'list_head'], module: [16, '*'], btf: [24, '*'] }],
  btf: [16, { data: [0, '*'], data_size: [8, 'uint'] }],
};

export interface TaskSpec {
  readonly pid: number;
  readonly tgid?: number;
  readonly ppid?: number;
  readonly comm: string;
  readonly state?: number;
  readonly exit_state?: number;
  readonly cpu?: number;
  readonly flags?: number;
  /** Pages: VSZ; RSS as a shared count and as what each CPU has not yet added. */
  readonly memory?: {
    readonly total: number;
    readonly resident: number;
    readonly onCpus?: readonly [number, number];
  };
}

const PF_KTHREAD = 0x00200000;
export const TASKS: readonly TaskSpec[] = [
  { pid: 0, comm: 'swapper/0', flags: PF_KTHREAD },
  { pid: 1, comm: 'init', state: 1, memory: { total: 100, resident: 20, onCpus: [3, -1] } },
  { pid: 2, comm: 'kthreadd', state: 1, flags: PF_KTHREAD },
  { pid: 30, ppid: 2, comm: 'kworker/0:1', state: 0x402, flags: PF_KTHREAD },
  { pid: 70, ppid: 1, comm: 'sh', memory: { total: 600, resident: 50 } },
  { pid: 71, tgid: 70, ppid: 1, comm: 'sh-worker', state: 2, cpu: 1, memory: { total: 600, resident: 50 } },
  { pid: 90, ppid: 70, comm: 'gone', exit_state: 0x20 },
];
/** Of CPU 1; no list has it. */
const IDLE_1: TaskSpec = { pid: 0, comm: 'swapper/1', cpu: 1, flags: PF_KTHREAD };

const TEXT_AT = 0x10000;
const KALLSYMS_AT = 0x100000;
const BTF_AT = 0x140000;
const DATA_AT = 0x180000;
const HEAP_PADDR = 0xa00000;
const PER_CPU_TEMPLATE = 0x1000n;
const EXPORTS_AT = 0x60000;
/** What kernels export of the variables here. */
const EXPORTED = [
  ...['init_task', 'init_pid_ns', '__per_cpu_offset', '_totalram_pages'],
  ...['__cpu_possible_mask', '__cpu_present_mask', '__cpu_online_mask'],
];
/** Offsets in the section. */
const EXPORTED_PER_CPU = { cpu_number: 8, numa_node: 0x10, softnet_data: 0x40, cpu_scale: 0x80 };
export const MODULE_TEXT = 0xffffffffc0100000n;

export interface CrashedKernel {
  readonly builder: KernelBuilder;
  /** By symbol, or `task 70`, `module zram`. */
  readonly at: Readonly<Record<string, bigint>>;
  /** The address of a member. */
  member(base: bigint, path: string): bigint;
  u64(address: bigint, value: bigint): void;
  /** Of a virtual address. */
  paddr(address: bigint): number;
  /** @param without keys of vmcoreinfo. */
  build(without?: readonly string[]): Uint8Array;
}

/**
 * @param variables where they are: in kallsyms, as with CONFIG_KALLSYMS_ALL; those that are exported in the table of these, and
 * those of each CPU in BTF; nowhere.
 */
export function crashedKernel(variables: 'listed' | 'exported' | 'unknown' = 'listed'): CrashedKernel {
  const builder = new KernelBuilder();
  const { memory } = builder;
  let nextData = DATA_AT;
  let nextHeap = HEAP_PADDR;
  const at: Record<string, bigint> = {};
  const paddrOf = (address: bigint) =>
    address >= MODULE_TEXT
      ? Number(address - MODULE_TEXT) + 0x1400000
      : address >= IMAGE_VADDR
        ? Number(address - IMAGE_VADDR) + IMAGE_PADDR
        : Number(address - builder.directMap);
  const write = (address: bigint, bytes: Uint8Array) => memory.write(paddrOf(address), bytes);
  const number = (address: bigint, bytes: number, value: bigint | number) => {
    const encoded = Buffer.alloc(8);
    encoded.writeBigInt64LE(BigInt.asIntN(64, BigInt(value)));
    write(address, encoded.subarray(0, bytes));
  };
  const data = (name: string, bytes: number): bigint => {
    at[name] = IMAGE_VADDR + BigInt(nextData);
    write(at[name], Buffer.alloc(bytes));
    nextData += Math.ceil(bytes / 16) * 16;
    return at[name];
  };
  const heap = (bytes: number): bigint => {
    const address = builder.directMap + BigInt(nextHeap);
    write(address, Buffer.alloc(bytes));
    nextHeap += Math.ceil(bytes / 64) * 64;
    return address;
  };
  const member = (base: bigint, path: string) => base + BigInt(offsetOf(path));
  const set = (base: bigint, path: string, value: bigint | number) =>
    number(member(base, path), bytesOf(path), value);
  const list = (head: bigint, nodes: readonly bigint[]) => {
    const ring = [head, ...nodes];
    ring.forEach((node, i) => {
      number(node, 8, ring[(i + 1) % ring.length]!);
      number(node + 8n, 8, ring[(i + ring.length - 1) % ring.length]!);
    });
  };

  for (const mask of ['__cpu_possible_mask', '__cpu_present_mask', '__cpu_online_mask'])
    number(data(mask, 8), 8, 3);
  number(data('panic_cpu', 4), 4, 0);
  number(data('_totalram_pages', 8), 8, 1000);
  const perCpu = [heap(0x2000), heap(0x2000)];
  const offsets = data('__per_cpu_offset', 16);
  perCpu.forEach((area, cpu) => {
    number(offsets + BigInt(8 * cpu), 8, area - PER_CPU_TEMPLATE);
  });

  const specs = [...TASKS, IDLE_1];
  const tasks = specs.map((_, i) => (i === 0 ? data('init_task', 256) : heap(256)));
  const byPid = new Map(TASKS.map(({ pid }, i) => [pid, tasks[i]!]));
  const signals = new Map(
    specs.map(({ tgid, pid }, i) => [tgid ?? pid, i === specs.length - 1 ? 0n : heap(32)]),
  );
  const spaces = new Map<number, bigint>();
  specs.forEach((spec, i) => {
    const task = tasks[i]!;
    const { pid, tgid = pid, ppid = 0, comm, state = 0, exit_state = 0, cpu = 0, flags = 0 } = spec;
    if (i < TASKS.length) at[`task ${pid}`] = task;
    set(task, 'task_struct.pid', pid);
    set(task, 'task_struct.tgid', tgid);
    set(task, 'task_struct.__state', state);
    set(task, 'task_struct.exit_state', exit_state);
    set(task, 'task_struct.flags', flags);
    set(task, 'task_struct.thread_info.cpu', cpu);
    set(task, 'task_struct.real_parent', byPid.get(ppid)!);
    set(task, 'task_struct.signal', pid === 0 && i > 0 ? 0 : signals.get(tgid)!);
    set(task, 'task_struct.stack', heap(64));
    write(member(task, 'task_struct.comm'), Buffer.from(`${comm}\0`));
    if (spec.memory) set(task, 'task_struct.mm', spaces.get(tgid) ?? space(tgid, spec.memory));
  });
  function space(tgid: number, { total, resident, onCpus }: NonNullable<TaskSpec['memory']>): bigint {
    const mm = heap(LAYOUT.mm_struct![0]);
    spaces.set(tgid, mm);
    set(mm, 'mm_struct.total_vm', total);
    // Anonymous pages; the others are 0.
    const counter = member(mm, 'mm_struct.rss_stat') + BigInt(LAYOUT.percpu_counter![0]);
    set(counter, 'percpu_counter.count', resident);
    const parts = PER_CPU_TEMPLATE + 0x800n;
    if (onCpus) set(counter, 'percpu_counter.counters', parts);
    onCpus?.forEach((part, cpu) => {
      number(perCpu[cpu]! + parts - PER_CPU_TEMPLATE, 4, part);
    });
    return mm;
  }
  const leaders = TASKS.flatMap(({ pid, tgid = pid }, i) => (pid === tgid ? [tasks[i]!] : []));
  list(
    member(leaders[0]!, 'task_struct.tasks'),
    leaders.slice(1).map(task => member(task, 'task_struct.tasks')),
  );
  for (const [tgid, signal] of signals) {
    const group = TASKS.flatMap(({ pid, tgid: own = pid }, i) => (own === tgid ? [tasks[i]!] : []));
    if (signal !== 0n && group.length > 0)
      list(
        member(signal, 'signal_struct.thread_head'),
        group.map(task => member(task, 'task_struct.thread_node')),
      );
  }
  pidTable();

  perCpu.forEach((area, cpu) => {
    const rq = area + 0x100n;
    set(rq, 'rq.curr', cpu === 0 ? at['task 70']! : tasks.at(-1)!);
    set(rq, 'rq.idle', cpu === 0 ? at.init_task! : tasks.at(-1)!);
    set(rq, 'rq.nr_running', 1 - cpu);
  });

  /** Two levels: PIDs from 0 to 63 in the first node. */
  function pidTable(): void {
    const root = heap(LAYOUT.xa_node![0]);
    const nodes = [heap(LAYOUT.xa_node![0]), heap(LAYOUT.xa_node![0])];
    nodes.forEach((node, i) => {
      number(member(root, 'xa_node.slots') + BigInt(8 * i), 8, node + 2n);
    });
    TASKS.forEach(({ pid }, i) => {
      if (pid === 0) return;
      const table = heap(LAYOUT.pid![0]);
      number(member(table, 'pid.tasks'), 8, member(tasks[i]!, 'task_struct.pid_links'));
      number(member(nodes[pid >> 6]!, 'xa_node.slots') + BigInt(8 * (pid & 63)), 8, table);
    });
    set(data('init_pid_ns', 32), 'pid_namespace.idr.idr_rt.xa_head', root + 2n);
  }

  const vmlinuxBtf = btfOf(LAYOUT);
  zram();
  function zram(): void {
    const module = heap(LAYOUT.module![0]);
    at['module zram'] = module;
    for (let page = 0n; page < 3n; page++)
      builder.map(MODULE_TEXT + page * 4096n, paddrOf(MODULE_TEXT + page * 4096n), 'page', 'text');
    write(MODULE_TEXT, Buffer.alloc(3 * 4096));
    write(member(module, 'module.name'), Buffer.from('zram\0'));
    [
      [MODULE_TEXT, 4096],
      [MODULE_TEXT + 4096n, 8192],
    ].forEach(([base, bytes], i) => {
      number(member(module, 'module.mem') + BigInt(16 * i), 8, base!);
      number(member(module, 'module.mem') + BigInt(16 * i + 8), 4, bytes!);
    });
    const symbols: readonly (readonly [string, bigint, number, string])[] = [
      ['', 0n, 0, '?'],
      ['zram_read', MODULE_TEXT + 0x100n, 0x80, 't'],
      ['.Llabel', MODULE_TEXT + 0x110n, 0, 't'],
      ['zram_alias', MODULE_TEXT + 0x100n, 0, 't'],
      ['schedule', MODULE_TEXT + 0x200n, 0x10, 't'],
      ['zram_devices', MODULE_TEXT + 0x1800n, 8, 'b'],
    ];
    const kallsyms = heap(LAYOUT.mod_kallsyms![0]);
    const symtab = MODULE_TEXT + 4096n;
    const strtab = symtab + 1024n;
    let names = '';
    symbols.forEach(([name, address, bytes], i) => {
      const sym = symtab + BigInt(24 * i);
      number(sym, 4, names.length);
      number(sym + 6n, 2, i === 0 ? 0 : 1);
      number(sym + 8n, 8, address);
      number(sym + 16n, 8, bytes);
      names += `${name}\0`;
    });
    const typetab = heap(64);
    write(strtab, Buffer.from(names));
    write(typetab, Buffer.from(symbols.map(([, , , type]) => type).join('')));
    set(kallsyms, 'mod_kallsyms.symtab', symtab);
    set(kallsyms, 'mod_kallsyms.num_symtab', symbols.length);
    set(kallsyms, 'mod_kallsyms.strtab', strtab);
    set(kallsyms, 'mod_kallsyms.typetab', typetab);
    set(module, 'module.kallsyms', kallsyms);
    list(data('modules', 16), [member(module, 'module.list')]);
    const own = new BtfBuilder(vmlinuxBtf);
    own.struct('zram', 16, [{ name: 'pages', type: ULONG, bit: 64 }]);
    const bytes = own.build();
    const btf = heap(LAYOUT.btf![0]);
    const copy = heap(bytes.length);
    write(copy, bytes);
    set(btf, 'btf.data', copy);
    set(btf, 'btf.data_size', bytes.length);
    const entry = heap(LAYOUT.btf_module![0]);
    set(entry, 'btf_module.module', module);
    set(entry, 'btf_module.btf', btf);
    list(data('btf_modules', 16), [member(entry, 'btf_module.list')]);
  }

  const text = (offset: number) => IMAGE_VADDR + BigInt(TEXT_AT + offset);
  if (variables === 'exported') exportVariables();
  function exportVariables(): void {
    const ofCpus = Object.entries({ ...EXPORTED_PER_CPU, runqueues: 0x100 });
    const section = ofCpus.flatMap(([name, offset]) => [vmlinuxBtf.raw(14, name, 1, [1]), offset, 8]);
    vmlinuxBtf.raw(15, '.data..percpu', 0x1000, section, ofCpus.length);
    builder.map(IMAGE_VADDR, IMAGE_PADDR, 'huge2M');
    const notes = PER_CPU_TEMPLATE + 0x900n;
    number(data('crash_notes', 8), 8, notes);
    for (const area of perCpu)
      write(
        area + notes - PER_CPU_TEMPLATE,
        encodeNotes([{ name: 'CORE', type: 1, desc: prstatus({ ip: text(0x110) }) }]),
      );
    // The search for BTF passes over that of BPF programs, which is small.
    for (let i = 0; i < 5000; i++) vmlinuxBtf.raw(1, '', 4, [32]);
    const exported: readonly (readonly [string, bigint])[] = [
      ...EXPORTED.map(name => [name, at[name]!] as const),
      ...Object.entries(EXPORTED_PER_CPU).map(
        ([name, offset]) => [name, PER_CPU_TEMPLATE + BigInt(offset)] as const,
      ),
      ...Array.from({ length: 120 }, (_, i) => [`filler_${i}`, IMAGE_VADDR] as const),
    ];
    const table = IMAGE_VADDR + BigInt(EXPORTS_AT);
    const strings = table + BigInt(12 * exported.length + 64);
    // As the linker merges names: the first is the end of a longer one.
    let names = '\0longer_';
    exported.forEach(([name, address], i) => {
      const entry = table + BigInt(12 * i);
      number(entry, 4, address - entry);
      number(entry + 4n, 4, strings + BigInt(names.length) - entry - 4n);
      number(entry + 8n, 4, strings - entry - 8n);
      names += `${name}\0`;
    });
    write(strings, Buffer.from(names));
  }

  const btf = vmlinuxBtf.build();
  write(IMAGE_VADDR + BigInt(BTF_AT), btf);
  const symbols: SymbolSpec[] = [
    { name: '__per_cpu_start', type: 'A', address: PER_CPU_TEMPLATE },
    { name: 'runqueues', type: 'A', address: PER_CPU_TEMPLATE + 0x100n },
    { name: '__per_cpu_end', type: 'A', address: PER_CPU_TEMPLATE + 0x2000n },
    { name: '_stext', type: 'T', address: text(0) },
    { name: 'schedule', type: 'T', address: text(0x100) },
    { name: 'panic', type: 'T', address: text(0x200) },
    { name: '_etext', type: 'T', address: text(0x1000) },
    { name: '__start_BTF', type: 'R', address: IMAGE_VADDR + BigInt(BTF_AT) },
    { name: '__stop_BTF', type: 'R', address: IMAGE_VADDR + BigInt(BTF_AT + btf.length) },
    ...Object.entries(at)
      .filter(([name]) => !name.includes(' '))
      .map(([name, address]) => ({ name, type: 'D', address })),
    { name: '_end', type: 'B', address: IMAGE_VADDR + BigInt(0x1f0000) },
  ];
  symbols.sort((a, b) => (a.address < b.address ? -1 : 1));
  const listed = symbols.filter(({ type }) => variables === 'listed' || type === 'T');
  const tables = buildKallsyms(listed, IMAGE_VADDR + BigInt(KALLSYMS_AT), 'absolute-percpu');
  write(IMAGE_VADDR + BigInt(KALLSYMS_AT), tables.bytes);
  const keys: Record<string, string> = { 'SYMBOL(_stext)': text(0).toString(16) };
  for (const [key, name] of Object.entries(KEYS))
    keys[`SYMBOL(${key})`] = (IMAGE_VADDR + BigInt(KALLSYMS_AT + tables.at[name])).toString(16);
  return {
    builder,
    at,
    member,
    u64: (address, value) => number(address, 8, value),
    paddr: paddrOf,
    build: (without = []) => {
      const vmcoreinfo = { ...builder.vmcoreinfo, ...keys };
      for (const key of without) delete vmcoreinfo[key];
      return buildVmcore({ vmcoreinfo, loads: memory.loads() });
    },
  };
}

const KEYS = {
  kallsyms_num_syms: 'count',
  kallsyms_names: 'names',
  kallsyms_token_table: 'tokens',
  kallsyms_token_index: 'tokenIndex',
  kallsyms_offsets: 'offsets',
  kallsyms_relative_base: 'relativeBase',
} as const;

const ULONG = 4;

function btfOf(layout: Layout): BtfBuilder {
  const btf = new BtfBuilder();
  const ids: Record<string, number> = {
    int: btf.int('int', 4, { isSigned: true }),
    uint: btf.int('unsigned int', 4),
    long: btf.int('long int', 8, { isSigned: true }),
    ulong: btf.int('long unsigned int', 8),
    char: btf.int('char', 1, { isSigned: true }),
  };
  ids['*'] = btf.pointer(0);
  btf.enum('mod_mem_type', { MOD_TEXT: 0, MOD_DATA: 1 });
  btf.enum('', { MM_FILEPAGES: 0, MM_ANONPAGES: 1, MM_SWAPENTS: 2, MM_SHMEMPAGES: 3 });
  btf.struct('odd', 12, [
    {
      name: '',
      type: btf.struct('', 4, [{ name: 'low', type: ids.uint!, bit: 0, bits: 3 }], 'union'),
      bit: 0,
    },
    { name: 'flag', type: ids.uint!, bit: 33, bits: 1 },
    { name: 'tail', type: ids.uint!, bit: 64 },
  ]);
  for (const [name, [bytes, members]] of Object.entries(layout)) {
    const specs = Object.entries(members).map(([member, [offset, type]]) => {
      const [, element = '', count] = /^([^[]+)(?:\[(\d+)\])?$/.exec(type)!;
      const id = ids[element]!;
      return { name: member, type: count === undefined ? id : btf.array(id, Number(count)), bit: 8 * offset };
    });
    ids[name] = btf.struct(name, bytes, specs);
  }
  return btf;
}

function offsetOf(path: string): number {
  const [name = '', ...names] = path.split('.');
  let within = name;
  let offset = 0;
  for (const member of names) {
    const [at, type] = LAYOUT[within]![1][member]!;
    offset += at;
    within = type.replace(/\[.*/, '');
  }
  return offset;
}

const BYTES: Readonly<Record<string, number>> = { int: 4, uint: 4, long: 8, ulong: 8, '*': 8 };

function bytesOf(path: string): number {
  const names = path.split('.');
  let within = names[0]!;
  for (const member of names.slice(1)) within = LAYOUT[within]![1][member]![1];
  return BYTES[within]!;
}
