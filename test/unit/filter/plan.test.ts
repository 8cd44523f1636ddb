import { describe, expect, it, test } from 'vitest';
import { SystemError } from '../../../capture/errors.ts';
import { planDump } from '../../../capture/filter/plan.ts';
import type { Crash } from '../../../capture/kernel/crash.ts';
import { SegmentIndex } from '../../../capture/vmcore/segments.ts';
import type { ByteSource } from '../../../capture/vmcore/source.ts';
import { ANON_MAPPING, FILE_MAPPING, GENERATIONS } from '../../support/memmap-builder.ts';
import {
  FIRST_PAGE,
  type MachineSpec,
  MemmapMachine,
  ONLINE_SECTION,
  SECTION_PAGES,
  TEST_PAGES,
} from '../../support/memmap-machine.ts';

/** One of each class, in the test pages of the first section; a free block at the start of the second's. */
function fill(machine: MemmapMachine): MemmapMachine {
  machine
    .pages(0)
    .free(0, 3)
    .set(8, { flags: ['lru'], mapping: FILE_MAPPING })
    .set(9, { flags: ['lru', 'private'], mapping: FILE_MAPPING })
    .set(10, { flags: ['lru'], mapping: ANON_MAPPING })
    .set(11, { flags: ['hwpoison'] })
    .set(12, { type: 'offline' })
    .slab(16, 2)
    .compound(32, 5, { flags: ['lru', 'swapbacked'], mapping: ANON_MAPPING });
  machine.pages(1).free(0, 4);
  return machine;
}

const filled = (spec: MachineSpec = {}) => fill(new MemmapMachine(spec));

/** The test pages that are left out, as ranges of their index. */
function leftOut({ bitmap2 }: { bitmap2: { has(pfn: number): boolean } }, section = 0): [number, number][] {
  const out: [number, number][] = [];
  for (let i = 0; i < TEST_PAGES; i++) {
    if (bitmap2.has(section * SECTION_PAGES + FIRST_PAGE + i)) continue;
    const last = out.at(-1);
    if (last?.[1] === i) last[1]++;
    else out.push([i, i + 1]);
  }
  return out;
}

/** A member of what a proxy stands for. */
function bound(target: object, key: string | symbol): unknown {
  const member: unknown = Reflect.get(target, key, target);
  return typeof member === 'function' ? member.bind(target) : member;
}

const ALL = [
  [0, 13],
  [32, 64],
];

function pagesPresent({ vmcore }: Crash): number {
  return vmcore.segments.segments.reduce((sum, { start, end }) => sum + (end - start) / 4096, 0);
}

describe('the plan of a dump', () => {
  it.each([
    [
      2,
      [
        [8, 9],
        [11, 13],
      ],
      [],
    ],
    [
      4,
      [
        [8, 10],
        [11, 13],
      ],
      [],
    ],
    [
      8,
      [
        [10, 13],
        [32, 64],
      ],
      [],
    ],
    [
      16,
      [
        [0, 8],
        [11, 13],
      ],
      [[0, 16]],
    ],
    [30, ALL, [[0, 16]]],
    [31, ALL, [[0, 16]]],
  ])('at level %i leaves out the classes of its bits', (level, first, second) => {
    const crash = filled().crash();
    const plan = planDump(crash, level);
    expect(plan.warnings).toEqual([]);
    expect(leftOut(plan)).toEqual(first);
    expect(leftOut(plan, 1)).toEqual(second);
    expect(plan.pages).toMatchObject({
      free: 24,
      cache: 1,
      privateCache: 1,
      user: 33,
      hwpoison: 1,
      offline: 1,
    });
    expect(Object.values(plan.pages!).reduce((a, b) => a + b)).toBe(pagesPresent(crash));
  });

  it.each([0, 1])('at level %i leaves out broken and offline memory alone', level => {
    const plan = planDump(filled().crash(), level);
    expect(plan.warnings).toEqual([]);
    expect(leftOut(plan)).toEqual([[11, 13]]);
  });

  it.each([0, 1])('at level %i does not look at the memmap of a kernel that cannot tell these', level => {
    const crash = filled({ vmcoreinfo: { 'NUMBER(PG_hwpoison)': undefined } }).crash();
    const memory = new Proxy(crash.memory!, {
      get: () => expect.fail('the crashed kernel was read'),
    });
    const plan = planDump({ vmcore: crash.vmcore, memory }, level);
    expect(plan).toMatchObject({ warnings: [], pages: undefined });
    expect(plan.bitmap2.count()).toBe(pagesPresent(crash));
  });

  it.each([0, 1])('at level %i a memmap that cannot be read costs nothing but these', level => {
    const crash = filled().crash();
    const plan = planDump({ vmcore: crash.vmcore, memory: undefined }, level);
    expect(plan.warnings).toEqual(['broken and offline memory cannot be recognized: it is read and kept']);
    expect(plan.bitmap2.count()).toBe(pagesPresent(crash));
  });

  const shapes: MachineSpec[] = [
    { levels: 4 },
    { sections: 'static' },
    // SPARSEMEM without VMEMMAP, which no kernel of Debian's is built with: only here is it tested.
    { memmap: 'apart' },
    { mapping: 'page' },
    ...GENERATIONS.map(generation => ({ generation })),
  ];
  it.each(shapes)('is the same for any shape of memmap: %j', spec => {
    const plan = planDump(filled(spec).crash(), 31);
    expect(leftOut(plan)).toEqual(ALL);
    expect(leftOut(plan, 1)).toEqual([[0, 16]]);
  });

  it('is the same from a source that is neither aligned nor generous', () => {
    const odd = (source: ByteSource): ByteSource => ({
      name: source.name,
      sizeBytes: source.sizeBytes,
      maxWindowBytes: 4096,
      readAt: (into, offset) => source.readAt(into, offset),
      window(offset, lengthBytes) {
        if (lengthBytes > 4096) throw new RangeError('too much');
        const bytes = new Uint8Array(lengthBytes + 3).subarray(3);
        bytes.set(source.window(offset, lengthBytes));
        return bytes;
      },
    });
    const machine = filled();
    expect(planDump(machine.crash(odd), 31).bitmap2.bytes).toEqual(
      planDump(machine.crash(), 31).bitmap2.bytes,
    );
  });

  it('reports how far it is, and stops when asked to', () => {
    const crash = filled().crash();
    const calls: [number, number][] = [];
    planDump(crash, 31, { onProgress: (done, total) => calls.push([done, total]) });
    const total = pagesPresent(crash);
    expect(calls.at(-1)).toEqual([total, total]);
    const late = new Error('too late');
    const stop = () => {
      throw late;
    };
    expect(() => planDump(crash, 31, { onProgress: stop })).toThrow(late);
  });
});

describe('memory at high addresses', () => {
  it.each([
    ['16 TiB', 2 ** 32],
    ['32 TiB', 2 ** 33],
    ['1 PiB', 2 ** 38],
    ['4 PiB, the end of 52 bits', 2 ** 40 - 1],
  ])('is kept like other memory, and its hole costs nothing: %s', (_, high) => {
    const machine = filled();
    // The section of the high page does not exist. A root has 256 of them.
    machine.setRoot(Math.floor(high / SECTION_PAGES / 256), 0n);
    const low = planDump(machine.crash(), 31);
    machine.builder.memory.page(high).fill(1);
    let allocatedBytes = 0;
    const allocate = (sizeBytes: number): Uint8Array => {
      allocatedBytes += sizeBytes;
      return new Uint8Array(sizeBytes);
    };
    const crash = machine.crash();
    const plan = planDump(crash, 31, { allocate });
    expect(plan).toMatchObject({ lacksMemory: false, warnings: [] });
    expect(plan.bitmap2.sizeBits).toBe(high + 1);
    expect(plan.bitmap2.has(high)).toBe(true);
    expect(plan.bitmap2.count()).toBe(low.bitmap2.count() + 1);
    expect([leftOut(plan), leftOut(plan, 1)]).toEqual([leftOut(low), leftOut(low, 1)]);
    expect(allocatedBytes).toBeLessThan(1 << 20);
  });

  it('past 2^52 is not in the dump, which is incomplete then', () => {
    const machine = filled();
    machine.builder.memory.page(2 ** 40);
    const { lacksMemory, bitmap2, warnings } = planDump(machine.crash(), 31);
    expect([lacksMemory, bitmap2.has(2 ** 40)]).toEqual([true, false]);
    expect(warnings).toEqual([]);
    expect(machine.crash().warnings).toEqual([expect.stringContaining('ignored: it covers 0x1000 bytes')]);
    expect(planDump(filled().crash(), 31).lacksMemory).toBe(false);
  });
});

describe('offline memory', () => {
  const OFFLINE = ONLINE_SECTION & ~4n;
  const POISONED = [
    [11, 12],
    [20, 21],
  ];
  /** The second section is offline. It has pages of all kinds, and poisoned ones. */
  const offline = (spec: MachineSpec = {}) => {
    const machine = filled({ ...spec, sectionNumbers: [0, 1] });
    machine
      .pages(1)
      .set(8, { flags: ['lru'], mapping: FILE_MAPPING })
      .set(11, { flags: ['hwpoison'] })
      .set(12, { type: 'offline' })
      .set(20, { flags: ['hwpoison', 'private'] })
      .set(21, { type: 'buddy' });
    machine.setSection(1, machine.codedMemmap(1) | OFFLINE);
    return machine;
  };

  it.each(GENERATIONS.flatMap(generation => [0, 1, 2, 8, 16, 31].map(level => ({ generation, level }))))(
    'has its poisoned pages left out, and no others: $generation.name, level $level',
    ({ generation, level }) => {
      const plan = planDump(offline({ generation }).crash(), level);
      expect(leftOut(plan, 1)).toEqual(POISONED);
      expect(leftOut(plan)).toEqual(leftOut(planDump(filled({ generation }).crash(), level)));
      expect(plan.pages!.hwpoison).toBe(3);
      expect(plan.warnings).toEqual([]);
    },
  );

  it.each([
    ['all ones', () => 0xff],
    ['all zeros', () => 0],
    ['text', (i: number) => 0x20 + (i % 0x5f)],
    ['numbers', (i: number) => (i * 2654435761) >>> 13],
  ])('that was never online, with struct pages of %s, is kept', (_, byteAt) => {
    const machine = offline();
    const { bytes } = machine.pages(1);
    for (let i = 0; i < bytes.length; i++) bytes[i] = byteAt(i);
    expect(leftOut(planDump(machine.crash(), 31), 1)).toEqual([]);
  });

  it('whose struct pages are not in the vmcore is kept, without a warning', () => {
    const machine = offline({ mapping: 'test pages' });
    const plan = planDump(machine.crash(), 31);
    expect(leftOut(plan, 1)).toEqual(POISONED);
    machine.lose(machine.structPaddr(1, 0));
    expect(leftOut(planDump(machine.crash(), 31), 1)).toEqual([]);
  });
});

describe('a damaged memmap', () => {
  const keepsAll = (crash: Crash, warning: RegExp | string) => {
    const plan = planDump(crash, 31);
    expect(plan.bitmap2.count()).toBe(pagesPresent(crash));
    expect(plan.warnings).toContainEqual(expect.stringMatching(warning));
  };

  it.each([
    ['SIZE(mem_section)', 0, 'SIZE\\(mem_section\\)'],
    ['SYMBOL(mem_section)', 'ffdead0000000000', 'cannot be read'],
    ['NUMBER(SECTION_SIZE_BITS)', 1, 'SECTION_SIZE_BITS is 1'],
    ['SIZE(page)', undefined, 'only zero pages can be left out'],
    ['OFFSET(page.flags)', 9, 'only zero pages can be left out'],
  ])('because of %s=%s means that all is kept', (key, value, warning) => {
    keepsAll(filled({ vmcoreinfo: { [key]: value } }).crash(), warning);
  });

  it('because no virtual address can be read means that all is kept', () => {
    const { vmcore, ...rest } = filled().crash();
    keepsAll({ ...rest, vmcore, memory: undefined }, 'dump level 31 is not possible');
  });

  it('because its struct pages are not mapped means that theirs are kept', () => {
    const machine = filled({ mapping: 'test pages' });
    const plan = planDump(machine.crash(), 31);
    // Only the test pages' struct pages are mapped; those of the page tables and the kernel image are not.
    expect(leftOut(plan)).toEqual(ALL);
    expect(plan.warnings).toContainEqual(
      expect.stringMatching(/pages kept because the struct page cannot be read.*not mapped/),
    );
  });

  it('because the vmcore lacks a page of it means that its pages are kept', () => {
    const machine = filled();
    machine.lose(machine.structPaddr(1, 0));
    const plan = planDump(machine.crash(), 31);
    expect(leftOut(plan)).toEqual(ALL);
    expect(leftOut(plan, 1)).toEqual([]);
    expect(plan.warnings).toContainEqual(expect.stringContaining('the vmcore does not hold the struct page'));
  });

  it('because the disk fails means that the pages of one page of it are kept', () => {
    const machine = filled();
    const paddr = machine.structPaddr(1, 0);
    let reads = 0;
    const broken = (source: ByteSource): ByteSource => {
      const view = Buffer.from(source.window(0, 65536).buffer);
      const badOffset = view.indexOf(machine.pages(1).bytes.subarray(0, 256));
      const check = (offset: number, lengthBytes: number) => {
        reads++;
        if (badOffset < offset || badOffset >= offset + lengthBytes) return;
        throw new SystemError('READ_FAILED', { action: 'read the vmcore', actual: 'EIO' }, { paddr });
      };
      return {
        name: 'broken',
        sizeBytes: source.sizeBytes,
        maxWindowBytes: 2 ** 16,
        readAt(into, offset) {
          check(offset, into.length);
          return source.readAt(into, offset);
        },
        window(offset, lengthBytes) {
          check(offset, lengthBytes);
          return source.window(offset, lengthBytes);
        },
      };
    };
    const plan = planDump(machine.crash(broken), 31);
    expect(leftOut(plan)).toEqual(ALL);
    expect(leftOut(plan, 1)).toEqual([]);
    expect(plan.warnings).toEqual([expect.stringMatching(/^64 pages kept .*EIO/)]);
    expect(reads).toBeLessThan(2000);
  });

  it('because a page table cannot be read means that what it maps is kept', () => {
    const crash = filled().crash();
    const failing = new Proxy(crash.memory!, {
      get(target, key) {
        if (key !== 'translate') return bound(target, key);
        return (vaddr: bigint) => {
          if (vaddr >= filled().vmemmap + 0x200000n)
            throw new SystemError('READ_FAILED', { action: 'read', actual: 'EIO' });
          return target.translate(vaddr);
        };
      },
    });
    const plan = planDump({ vmcore: crash.vmcore, memory: failing }, 31);
    expect(leftOut(plan)).toEqual(ALL);
    expect(leftOut(plan, 1)).toEqual([]);
  });

  it('costs the highest addresses when there is no memory for a bitmap of all of it', () => {
    const machine = filled();
    const { sizeBits } = planDump(machine.crash(), 16).bitmap2;
    machine.builder.memory.page(2 ** 31);
    let allocations = 0;
    const allocate = (sizeBytes: number): Uint8Array => {
      if (allocations++ === 0) throw new RangeError('Array buffer allocation failed');
      return new Uint8Array(sizeBytes);
    };
    const plan = planDump(machine.crash(), 16, { allocate });
    expect([plan.bitmap2.sizeBits, plan.lacksMemory]).toEqual([sizeBits, true]);
    expect(plan.warnings).toContainEqual(
      expect.stringContaining(
        `memory above page ${sizeBits} is left out: the PT_LOADs go to page 2147483649`,
      ),
    );
  });

  test('page tables that lead nowhere take no time', () => {
    const machine = new MemmapMachine({ sectionNumbers: [0] });
    const crash = machine.crash();
    const nowhere = new Proxy(crash.memory!, {
      get: (target, key) => (key === 'translate' ? () => undefined : Reflect.get(target, key, target)),
    });
    const plan = planDump({ vmcore: crash.vmcore, memory: nowhere }, 31);
    expect(plan.bitmap2.count()).toBe(pagesPresent(crash));
  });

  it('is reported when a class that no machine is without is empty', () => {
    const plan = planDump(new MemmapMachine().crash(), 31);
    for (const name of ['free', 'cache', 'user']) {
      expect(plan.warnings).toContain(
        `the filter found no ${name} pages, but every running machine has some: do not trust the dump`,
      );
    }
    expect(planDump(new MemmapMachine().crash(), 16).warnings).toHaveLength(1);
  });

  test('is empty in a vmcore that was filtered before, which is no reason for a warning', () => {
    const { vmcore, memory } = new MemmapMachine().crash();
    const segments = vmcore.segments.segments.map((segment, i, { length }) =>
      i === length - 1 ? { ...segment, end: segment.end + vmcore.pageSizeBytes } : segment,
    );
    const filtered = { ...vmcore, segments: new SegmentIndex(segments) };
    expect(planDump({ vmcore: filtered, memory }, 31).warnings).toEqual([]);
  });

  it('covers nothing', () => {
    keepsAll(new MemmapMachine({ sectionFlags: 0n }).crash(), 'the memmap covers no page');
  });
});
