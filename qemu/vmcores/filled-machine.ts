/**
 * A machine whose memory holds each kind of page: two NUMA nodes, virtio-mem above 4 GiB of which a part is not plugged in,
 * swap, movable memory.
 */
import { labArch } from '../machine/arch.ts';
import type { FillPlan } from './copied-machine.ts';

const NODE_MIB = 512;
/** In memory blocks of 128 MiB: one that goes offline, one that stays online, and a quarter of a third. */
const PLUGGABLE_MIB = 384;
const PLUGGED_MIB = 288;

/** @param levels of the page tables. */
export function filledMachine(levels: 4 | 5): FillPlan {
  return {
    cpuFeatures: levels === 4 ? labArch().fourLevels : [],
    bootWords: ['movablecore=320M'],
    memoryMib: 2 * NODE_MIB,
    diskMib: 4096,
    devices: memoryDevices(),
    drivers: ['loop', 'squashfs', 'virtio_mem', 'hwpoison-inject', 'lzo-rle', 'zram'],
    script: 'fill-memory',
  };
}

function memoryDevices(): string[] {
  const backend = (id: string, mib: number) => ['-object', `memory-backend-ram,id=${id},size=${mib}M`];
  return [
    ...['-m', `maxmem=${2 * NODE_MIB + PLUGGABLE_MIB}M`],
    ...backend('node0', NODE_MIB),
    ...backend('node1', NODE_MIB),
    ...backend('pluggable', PLUGGABLE_MIB),
    ...['-numa', 'node,nodeid=0,cpus=0,memdev=node0', '-numa', 'node,nodeid=1,cpus=1,memdev=node1'],
    ...['-device', `virtio-mem-pci,memdev=pluggable,node=1,requested-size=${PLUGGED_MIB}M`],
  ];
}
