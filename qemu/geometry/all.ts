/** Every memory geometry of the lab. A new one is a row here and a row in qemu/README.md. */
import { neverSays, says } from '../expect/expectations.ts';
import { FOUR_GIB, memoryMap, sizeMib, vmcoreLacks } from '../expect/memory-map.ts';
import { poisonedPagesAbsent } from '../expect/poison.ts';
import type { NotOn } from '../kernel/misfit.ts';
import type { Geometry } from './geometry.ts';

const MIB = 1 << 20;
/** One memory block of a small machine. */
const DIMM_MIB = 128;

const backend = (id: string, mib: number) => ['-object', `memory-backend-ram,id=${id},size=${mib}M`];
const dimm = (name: string) => [
  ...backend(`${name}-memory`, DIMM_MIB),
  ...['-device', `pc-dimm,id=${name},memdev=${name}-memory`],
];

/** QEMU hw/arm/virt.c: memory begins at 1 GiB and is in one piece, up to where the machine ends. */
const IN_ONE_PIECE: NotOn = {
  arm64: 'the memory of QEMU’s machine virt is in one piece, of which 3 GiB are below 4 GiB',
};
const DIMMS_NEED_ACPI: NotOn = {
  arm64: 'QEMU’s machine virt adds DIMMs by ACPI alone, and the lab boots it by a device tree',
};

/** Two DIMMs, which QEMU puts above 4 GiB. Their blocks come online as movable memory, which can go offline again. */
const DIMMS = {
  devices: ['-m', 'slots=2,maxmem=8G', ...dimm('dimm0'), ...dimm('dimm1')],
  kernelWords: ['memhp_default_state=online_movable'],
} as const;

/**
 * Shell of the first kernel. `movable_block N` prints the name of the Nth block of movable memory (128 MiB each on a
 * small machine), `offline BLOCK` takes one offline, `poison BLOCK WHERE` marks a page in it as broken.
 * Linux Documentation/ABI/testing/sysfs-memory-page-offline, Documentation/admin-guide/mm/memory-hotplug.rst.
 */
const BLOCKS = `memory=/sys/devices/system/memory
movable_block() { grep -l Movable "$memory"/memory*/valid_zones | sort -V | sed -n "$1s,/valid_zones,,p"; }
offline() {
  echo offline > "$1/state" || give_up "cannot take $1 offline"
  say "offline \${1##*/}"
}
poison() {
  [ -e "$memory/hard_offline_page" ] || give_up "this kernel cannot poison a page (no CONFIG_MEMORY_FAILURE)"
  address=$(( 0x$(cat "$memory/block_size_bytes") * 0x$(cat "$1/phys_index") + 0x123000 ))
  echo "$address" > "$memory/hard_offline_page" || give_up "cannot poison $address"
  say "poisoned $(printf 0x%x "$address") $2"
}
`;

const dimmsOnline = memoryMap(
  'the machine has the DIMMs above 4 GiB',
  ({ ram }) => sizeMib(ram.filter(({ start }) => start >= FOUR_GIB)) === 2 * DIMM_MIB,
);

/** OVMF's has six and more; AAVMF's fewer, where memory begins at 1 GiB. */
const manyRanges = memoryMap(
  'the memory map has many ranges',
  ({ ram }) => ram.length >= ((ram[0]?.start ?? 0) < 1024 * MIB ? 6 : 3),
);
const byUefi = says('the firmware is UEFI', /efi: EFI v\d/);
const ACPI = /ACPI: RSDP 0x/;

export const GEOMETRIES: readonly Geometry[] = [
  {
    name: 'bios',
    help: 'a BIOS machine: one large range below 4 GiB',
    expectations: [],
  },
  {
    name: 'uefi',
    help: 'a UEFI machine: many small ranges (OVMF, AAVMF)',
    uefi: true,
    expectations: [manyRanges, byUefi, says('it has ACPI tables', ACPI)],
  },
  {
    name: 'uefi-dtb',
    help: 'a UEFI machine that describes itself by a device tree and has no ACPI tables',
    notOn: { amd64: 'machines of x86 have no device trees' },
    uefi: true,
    devices: ['-machine', 'acpi=off'],
    expectations: [manyRanges, byUefi, neverSays('it has no ACPI tables', ACPI)],
  },
  {
    name: 'above-4g',
    help: 'most of the memory is above 4 GiB',
    notOn: IN_ONE_PIECE,
    memoryMib: 1536,
    devices: ['-machine', 'max-ram-below-4g=512M'],
    expectations: [
      memoryMap(
        '1 GiB is above 4 GiB',
        ({ ram }) => sizeMib(ram.filter(({ start }) => start >= FOUR_GIB)) === 1024,
      ),
    ],
  },
  {
    name: 'reserved-high',
    help: 'crashkernel=…,high: the reservation is above 4 GiB, with a small one below',
    notOn: IN_ONE_PIECE,
    memoryMib: 1536,
    devices: ['-machine', 'max-ram-below-4g=512M'],
    crashkernel: '192M,high',
    kernelWords: ['crashkernel=72M,low'],
    expectations: [
      memoryMap('192 MiB are reserved above 4 GiB, 72 MiB below', ({ reserved }) => {
        const [low, high] = [0, 1].map(side =>
          sizeMib(reserved.filter(({ start }) => Number(start >= FOUR_GIB) === side)),
        );
        return low === 72 && high === 192;
      }),
    ],
  },
  {
    /*
     * A new window of /proc/vmcore mapped over an old one ended here in a warning and a process that never returns
     * (Linux 7.2, x86: cache modes of both sides of a segment's end).
     */
    name: 'reserved-top',
    help: 'the reservation is so close to the end of memory that the last range is under 16 MiB',
    memoryMib: 1536,
    kernelWords: ['nokaslr'],
    expectations: [
      memoryMap('the range after the reservation is smaller than 16 MiB', ({ ram, reserved }) => {
        const [top] = reserved;
        const range = top && ram.find(({ start, end }) => start <= top.start && top.end <= end);
        return range !== undefined && range.end - top.end > 0 && range.end - top.end < 16 * MIB;
      }),
    ],
  },
  {
    name: 'reserved-at',
    help: 'crashkernel=SIZE@OFFSET: the reservation is where the command line puts it',
    notOn: { arm64: 'there is no memory at 256 MiB: that of QEMU’s machine virt begins at 1 GiB' },
    crashkernel: '192M@256M',
    kernelWords: ['nokaslr'],
    expectations: [
      memoryMap('the reservation begins at 256 MiB', ({ reserved }) => reserved[0]?.start === 256 * MIB),
    ],
  },
  {
    // The crash kernel has page structures for both sections of memory, 2 MiB each (Linux mm/sparse.c).
    name: 'reserved-across',
    help: 'a reservation of 112M across a multiple of 128 MiB: what the crash kernel has least memory with',
    notOn: { arm64: 'there is no memory at 384 MiB: that of QEMU’s machine virt begins at 1 GiB' },
    crashkernel: '112M@336M',
    kernelWords: ['nokaslr'],
    expectations: [
      memoryMap(
        'the reservation is in two sections of 128 MiB',
        ({ reserved }) => reserved[0]?.start === 336 * MIB && sizeMib(reserved) === 112,
      ),
    ],
  },
  {
    // What enable sets on such a machine, with the part that is lent above 4 GiB, where the kernel usually finds it.
    name: 'reserved-cma',
    help: 'crashkernel=…,cma: the smaller part is the crash kernel’s alone, the rest is lent to processes until the crash',
    notOn: IN_ONE_PIECE,
    misfit: {
      kernels: ['5.10', '6.1', '6.12'].flatMap(series => [`${series}-cloud`, `${series}-generic`]),
      why: 'crashkernel=…,cma came with Linux 6.17',
      instead: { series: '7.x', flavour: 'cloud' },
    },
    memoryMib: 1536,
    devices: ['-machine', 'max-ram-below-4g=512M'],
    crashkernel: '112M',
    kernelWords: ['crashkernel=128M,cma'],
    beforeArming: 'say "lent $(cat /sys/kernel/kexec/crash_cma_ranges)"',
    expectations: [
      memoryMap(
        '112 MiB are reserved for the crash kernel alone',
        ({ reserved }) => sizeMib(reserved) === 112,
      ),
      says('128 MiB above 4 GiB are lent to processes', /^lab: lent 1[0-9a-f]{8}-1[0-9a-f]{8}$/),
      vmcoreLacks(112 + 128),
    ],
  },
  {
    name: 'nodes',
    help: 'two NUMA nodes',
    nodes: 2,
    expectations: [],
  },
  {
    name: 'dimms',
    help: 'two DIMMs above 4 GiB, added by memory hot-plug',
    notOn: DIMMS_NEED_ACPI,
    ...DIMMS,
    expectations: [dimmsOnline],
  },
  {
    name: 'offlined',
    help: 'one block of a DIMM is offline',
    notOn: DIMMS_NEED_ACPI,
    ...DIMMS,
    beforeArming: `${BLOCKS}offline "$(movable_block 2)"`,
    expectations: [dimmsOnline, says('a block is offline', /^lab: offline memory\d+$/)],
  },
  {
    name: 'poisoned',
    help: 'a broken page in an online block and one in an offline block',
    notOn: DIMMS_NEED_ACPI,
    misfit: {
      kernels: ['5.10-cloud', '6.1-cloud'],
      why: 'Debian builds it without CONFIG_MEMORY_FAILURE, so that it cannot mark a page as broken',
      instead: { series: '6.12', flavour: 'cloud' },
    },
    ...DIMMS,
    // Level 1 keeps all other pages, as zero pages at least: only poison makes one missing. Little memory, to be quick.
    memoryMib: 640,
    crashWords: ['kdumpling.dumpLevel=1'],
    beforeArming: `${BLOCKS}
poison "$(movable_block 1)" "in an online block"
gone=$(movable_block 2)
poison "$gone" "in an offline block"
offline "$gone"`,
    expectations: [dimmsOnline, poisonedPagesAbsent(2)],
  },
  {
    name: 'virtio-mem',
    help: 'a virtio-mem device of which a part is plugged in',
    devices: [
      ...['-m', 'maxmem=8G', ...backend('pluggable', 384)],
      ...['-device', 'virtio-mem-pci,memdev=pluggable,requested-size=288M'],
    ],
    drivers: ['virtio_mem'],
    kernelWords: ['memhp_default_state=online_movable'],
    beforeArming: 'sleep 3; say "virtio-mem has $(grep -c "System RAM (virtio_mem)" /proc/iomem) ranges"',
    expectations: [says('virtio-mem added memory', /^lab: virtio-mem has [1-9]\d* ranges$/)],
  },
];
