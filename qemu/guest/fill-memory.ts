/**
 * Runs in the first kernel, on the runtime image: creates pages of each kind and holds them until the kernel panics. It
 * reports kinds that this kernel does not have, and goes on.
 *
 * usage: fill-memory.js DONE_FILE | fill-memory.js poison KIND
 */
import { spawnSync } from 'node:child_process';
import { closeSync, fsyncSync, mkdirSync, openSync, readSync, writeFileSync, writeSync } from 'node:fs';
import { describeError } from '../../capture/errors.ts';
import { openFfi } from '../../capture/ffi/library.ts';
import { type Memory, openMemory, PAGE_BYTES } from './memory.ts';

const MIB = 1 << 20;
const HUGE_BYTES = 2 * MIB;
const FILES = '/disk/lab/files';

/** Keeps objects reachable, so that Node does not close or free them. */
const held: unknown[] = [];

const KINDS: Readonly<Record<string, (memory: Memory) => string>> = {
  'file-clean': () => {
    const fd = writeFile('clean', 24 * MIB);
    fsyncSync(fd);
    return 'a file of 24 MiB, synced';
  },
  'file-dirty': () => {
    held.push(writeFile('dirty', 8 * MIB));
    return 'a file of 8 MiB, not synced';
  },
  'file-mapped': memory => {
    const bytes = memory.map({ sizeBytes: 2 * MIB, fd: openSync(`${FILES}/clean`, 'r+'), shared: true });
    touch(bytes.view, 0x66);
    return '2 MiB of it mapped, shared and dirtied';
  },
  anonymous: memory => {
    touch(memory.map({ sizeBytes: 32 * MIB }).view, 0xa0);
    // User data that is also a zero page.
    memory.map({ sizeBytes: MIB }).view.fill(0);
    return '32 MiB written, 1 MiB of zeros';
  },
  'zero-page': memory => {
    const { view } = memory.map({ sizeBytes: MIB });
    let sum = 0;
    for (let at = 0; at < view.length; at += PAGE_BYTES) sum += view[at];
    return `1 MiB read and never written (${sum})`;
  },
  thp: memory => {
    const whole = memory.map({ sizeBytes: 16 * MIB, alignBytes: HUGE_BYTES });
    memory.advise(whole.address, 16 * MIB, 'HUGEPAGE');
    touch(whole.view, 0xb0);
    // Freeing half of one leaves a partly mapped huge page that waits to be split.
    memory.advise(whole.address + BigInt(HUGE_BYTES / 2), HUGE_BYTES / 2, 'DONTNEED');
    return '8 huge pages, one of them half given back';
  },
  hugetlb: memory => {
    writeFileSync('/proc/sys/vm/nr_hugepages', '16');
    touch(memory.map({ sizeBytes: 3 * HUGE_BYTES, hugetlb: true }).view, 0xc0);
    const fd = memory.createMemoryFile('hugetlb', 2 * HUGE_BYTES, true);
    touch(memory.map({ sizeBytes: 2 * HUGE_BYTES, fd, shared: true, hugetlb: true }).view, 0xc8);
    return 'a pool of 16: 3 private, 2 shared, the others free in it';
  },
  shmem: memory => {
    const fd = memory.createMemoryFile('shmem', 4 * MIB, false);
    touch(memory.map({ sizeBytes: 4 * MIB, fd, shared: true }).view, 0xd0);
    return '4 MiB in a memory file';
  },
  mlocked: memory => {
    const { address, view } = memory.map({ sizeBytes: 4 * MIB });
    memory.lock(address, 4 * MIB);
    touch(view, 0xe0);
    return '4 MiB';
  },
  ksm: memory => {
    writeFileSync('/sys/kernel/mm/ksm/pages_to_scan', '4000');
    writeFileSync('/sys/kernel/mm/ksm/sleep_millisecs', '20');
    writeFileSync('/sys/kernel/mm/ksm/run', '1');
    const { address, view } = memory.map({ sizeBytes: 2 * MIB });
    view.fill(0x4b);
    memory.advise(address, 2 * MIB, 'MERGEABLE');
    return '2 MiB of equal pages for it to merge';
  },
  'swap-cache': memory => {
    const { address, view } = memory.map({ sizeBytes: 24 * MIB });
    touch(view, 0x50);
    memory.advise(address, 24 * MIB, 'PAGEOUT');
    let sum = 0;
    for (let at = 12 * MIB; at < view.length; at += PAGE_BYTES) sum += view[at];
    return `24 MiB paged out, half of it read back (${sum})`;
  },
  pipes: memory => {
    const full = Buffer.alloc(64 << 10, 0x70);
    for (let i = 0; i < 32; i++) writeSync(memory.openPipe().write, full);
    return '32 full pipes';
  },
  slab: () => {
    for (let i = 0; i < 4000; i++) closeSync(openSync(`/tmp/slab-${i}`, 'w'));
    for (let i = 0; i < 400; i++) held.push(openSync(`/tmp/slab-${i}`, 'r'));
    return '4000 inodes, 400 open files';
  },
  'page-tables': memory => {
    const { view } = memory.map({ sizeBytes: 1 << 30, reserveOnly: true });
    for (let at = 0; at < view.length; at += HUGE_BYTES) view[at] = 1;
    return '1 GiB of addresses, a page in each 2 MiB';
  },
  // Last, since they may damage memory of the kinds before.
  ...Object.fromEntries(
    ['anonymous', 'file', 'thp', 'hugetlb', 'soft-offline', 'free'].map(kind => [
      `hwpoison-${kind}`,
      () => poisonInChild(kind),
    ]),
  ),
};

/** A child process does it: a process that touches a poisoned page is killed by SIGBUS. */
function poisonInChild(kind: string): string {
  const command = `exec $LAB_NODE ${process.argv[1]} poison ${kind}`;
  const { status, signal, stderr } = spawnSync('/bin/sh', ['-c', command], { encoding: 'utf8' });
  if (status !== 0 && signal !== 'SIGBUS') {
    throw new Error(/^.*?(?:Failure|Error): (.*)$/m.exec(stderr)?.[1] ?? `it ended with ${status ?? signal}`);
  }
  return signal ? `poisoned, ${signal}` : 'poisoned';
}

const POISON: Readonly<Record<string, (memory: Memory) => void>> = {
  anonymous: memory => poisonPage(memory, memory.map({ sizeBytes: MIB }), 3),
  file: memory => {
    const fd = openSync(`${FILES}/clean`, 'r');
    const { address, view } = memory.map({ sizeBytes: MIB, fd, shared: true, readOnly: true });
    if (view[9 * PAGE_BYTES] === 0) throw new Error('the file is empty');
    memory.advise(address + BigInt(9 * PAGE_BYTES), PAGE_BYTES, 'HWPOISON');
  },
  thp: memory => {
    const area = memory.map({ sizeBytes: HUGE_BYTES, alignBytes: HUGE_BYTES });
    memory.advise(area.address, HUGE_BYTES, 'HUGEPAGE');
    poisonPage(memory, area, 5);
  },
  hugetlb: memory => poisonPage(memory, memory.map({ sizeBytes: HUGE_BYTES, hugetlb: true }), 7),
  'soft-offline': memory => {
    const { address, view } = memory.map({ sizeBytes: MIB });
    touch(view, 0x5f);
    memory.advise(address + BigInt(PAGE_BYTES), PAGE_BYTES, 'SOFT_OFFLINE');
  },
  free: () => writeFileSync('/sys/kernel/debug/hwpoison/corrupt-pfn', `${findFreePfn()}`),
};

function poisonPage(
  memory: Memory,
  { address, view }: { address: bigint; view: Uint8Array },
  page: number,
): void {
  touch(view, 0x99);
  memory.advise(address + BigInt(page * PAGE_BYTES), PAGE_BYTES, 'HWPOISON');
}

/** By /proc/kpageflags (Documentation/admin-guide/mm/pagemap.rst): KPF_BUDDY. */
function findFreePfn(): number {
  const KPF_BUDDY = 1n << 10n;
  const flags = Buffer.alloc(8 * 4096);
  const fd = openSync('/proc/kpageflags', 'r');
  // Above the first 128 MiB, parts of which the kernel treats specially.
  for (let pfn = 0x8000; readSync(fd, flags, 0, flags.length, pfn * 8) > 0; pfn += 4096) {
    for (let i = 0; i < 4096; i++) if (flags.readBigUInt64LE(i * 8) & KPF_BUDDY) return pfn + i;
  }
  throw new Error('no page is free');
}

/** Makes the first bytes of each page different, so that no two pages are the same. */
function touch(bytes: Uint8Array, seed: number): void {
  for (let at = 0; at < bytes.length; at += PAGE_BYTES) {
    const page = at / PAGE_BYTES;
    bytes.fill(seed, at, at + 64);
    bytes[at + 1] = page & 0xff;
    bytes[at + 2] = page >>> 8;
  }
}

function writeFile(name: string, sizeBytes: number): number {
  mkdirSync(FILES, { recursive: true });
  const fd = openSync(`${FILES}/${name}`, 'w+');
  const chunk = Buffer.alloc(MIB, name);
  for (let at = 0; at < sizeBytes; at += MIB) writeSync(fd, chunk);
  return fd;
}

function firstLine(error: unknown): string {
  return describeError(error).split('\n', 1)[0];
}

const [, , argument, kind] = process.argv;
const memory = openMemory(openFfi());
held.push(memory);
if (argument === 'poison') {
  POISON[kind](memory);
} else {
  for (const [name, make] of Object.entries(KINDS)) {
    try {
      console.log(`lab: fill ${name} ${make(memory)}`);
    } catch (error) {
      console.log(`lab: fill ${name} refused: ${firstLine(error)}`);
    }
  }
  writeFileSync(argument, '');
  setInterval(() => held.length, 1 << 30);
}
