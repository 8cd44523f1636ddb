import { describe, expect, test } from 'vitest';
import { readMemoryMap } from '../../../../../scripts/lib/kexec/arm64/memory-map.ts';

/** QEMU's virt with a hot-plugged module. */
const IOMEM = `04000000-07ffffff : 0.flash flash@0
09000000-09000fff : pl011@9000000
40000000-7bffffff : System RAM
  40210000-4172ffff : Kernel code
  57c00000-67bfffff : Crash kernel
  6b200000-7b1fffff : Crash kernel
7c000000-7c00ffff : reserved
7c010000-7fffffff : System RAM
100000000-13fffffff : virtio0
  100000000-107ffffff : System RAM (virtio_mem)
200000000-20fffffff : System RAM (kmem)
`;

describe('/proc/iomem', () => {
  test('has System RAM, hot-plugged too, and what is reserved, the lower range first', () => {
    expect(readMemoryMap(IOMEM)).toEqual({
      ram: [
        { start: 0x4000_0000, end: 0x7c00_0000 },
        { start: 0x7c01_0000, end: 0x8000_0000 },
        { start: 0x1_0000_0000, end: 0x1_0800_0000 },
        { start: 0x2_0000_0000, end: 0x2_1000_0000 },
      ],
      reserved: [
        { start: 0x57c0_0000, end: 0x67c0_0000 },
        { start: 0x6b20_0000, end: 0x7b20_0000 },
      ],
    });
  });

  test('as it looks to a user who is not root', () => {
    const hidden = IOMEM.replace(/[0-9a-f]{8,9}/g, '00000000');
    expect(() => readMemoryMap(hidden)).toThrow(/hides the addresses.*Run as root/);
  });

  test('without a reservation', () => {
    expect(() => readMemoryMap(IOMEM.replaceAll('Crash kernel', 'other'))).toThrow(/no memory is reserved/);
  });
});
