/** What a machine's own files become: the plan of a load, from a root with them. */
import { expect, test } from 'vitest';
import { decodeDeviceTree, encodeDeviceTree } from '../../../../../scripts/lib/kexec/arm64/device-tree.ts';
import { planLoad } from '../../../../../scripts/lib/kexec/arm64/load.ts';
import { arm64Image } from '../../../../support/arm64-image.ts';
import { type Files, hostWith } from '../../../../support/host-root.ts';

const bytesOf = (bytes: Buffer) => bytes.toString('latin1');
const TREE = encodeDeviceTree({
  root: { name: '', properties: new Map(), children: [] },
  reserves: [],
  bootCpu: 0,
});
/** A vector of AT_PAGESZ and AT_NULL. */
const AUXV = Buffer.alloc(32);
AUXV.writeBigUInt64LE(6n, 0);
AUXV.writeBigUInt64LE(65536n, 8);

const MACHINE: Files = {
  '/proc/iomem': '40000000-7fffffff : System RAM\n  50000000-57ffffff : Crash kernel\n',
  '/proc/self/auxv': bytesOf(AUXV),
  '/sys/firmware/fdt': bytesOf(TREE),
  '/sys/kernel/vmcoreinfo': '7f001000 1024\n',
  '/sys/devices/system/cpu/cpu10/crash_notes': '7f010000\n',
  '/sys/devices/system/cpu/cpu10/crash_notes_size': '424\n',
  '/sys/devices/system/cpu/cpu2/crash_notes': '7f020000\n',
  '/sys/devices/system/cpu/cpu2/crash_notes_size': '424\n',
  '/sys/devices/system/cpu/cpufreq/': '',
  '/boot/vmlinuz': bytesOf(arm64Image()),
  '/boot/initrd': 'initrd',
};
const CRASH = { kernel: '/boot/vmlinuz', initrd: '/boot/initrd', commandLine: 'cma=0' };

test('the notes of all CPUs and vmcoreinfo, then all memory but the reservation', () => {
  const { segments } = planLoad(hostWith(MACHINE), CRASH);
  const header = segments[1]!.bytes;
  const rows = Array.from({ length: header.readUInt16LE(56) }, (_, index) =>
    header.subarray(64 + index * 56),
  );
  const facts = rows.map(row => [
    row.readUInt32LE(0),
    Number(row.readBigUInt64LE(24)),
    Number(row.readBigUInt64LE(32)),
  ]);
  expect(facts).toEqual([
    [4, 0x7f02_0000, 424],
    [4, 0x7f01_0000, 424],
    [4, 0x7f00_1000, 0x1024],
    [1, 0x4000_0000, 0x1000_0000],
    [1, 0x5800_0000, 0x2800_0000],
  ]);
});

test('the page size is the running kernel’s', () => {
  const { segments } = planLoad(hostWith(MACHINE), CRASH);
  expect(segments.map(({ address }) => address % 65536)).toEqual([0, 0, 0, 0, 0]);
});

test('the command line reaches the device tree', () => {
  const { segments } = planLoad(hostWith(MACHINE), CRASH);
  const { root } = decodeDeviceTree(segments[3]!.bytes);
  expect(root.children[0]!.properties.get('bootargs')?.toString()).toBe('cma=0\0');
});

test.each([
  ['/proc/iomem', /hides the addresses/],
  ['/sys/firmware/fdt', /\/sys\/firmware\/fdt cannot be read/],
  ['/sys/kernel/vmcoreinfo', /does not say where it leaves the notes.*CONFIG_VMCORE_INFO/],
  ['/boot/initrd', /\/boot\/initrd cannot be read/],
])('without %s the load is refused', (path, message) => {
  const host = hostWith(MACHINE);
  host.remove(path);
  expect(() => planLoad(host, CRASH)).toThrow(message);
});
