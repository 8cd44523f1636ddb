/** The smoke matrix, which `npm test` runs: every class of crash once, with the other axes spread over these crashes. */
import type { Cell } from './cell.ts';

export const SMOKE: readonly Cell[] = [
  { trigger: 'null', bus: 'nvme', fs: 'xfs' },
  { trigger: 'unmapped', kernel: '7.x-cloud', bus: 'virtio-scsi', fs: 'btrfs', layout: 'lvm' },
  { trigger: 'general-protection', kernel: '6.12-cloud', cpus: '4', nodes: '2' },
  { trigger: 'divide', kernel: '6.12-cloud', 'kernel-option': 'nokaslr' },
  { trigger: 'bug', geometry: 'uefi' },
  { trigger: 'warn', fault: 'lean' },
  { trigger: 'stack-overflow', kernel: '7.x-cloud', 'kernel-option': 'no5lvl' },
  { trigger: 'stack-protector', kernel: '6.12-cloud', codec: 'lzo', memory: '512' },
  { trigger: 'corrupt-list', level: '17', codec: 'zlib', memory: '512' },
  { trigger: 'refcount', kernel: '7.x-cloud', fault: 'unused-code' },
  { trigger: 'kfence', kernel: '7.x-cloud', layout: 'gpt', codec: 'snappy' },
  { trigger: 'usercopy', kernel: '6.12-cloud', geometry: 'poisoned' },
  { trigger: 'sleep-in-atomic', raw: 'yes' },
  { trigger: 'soft-lockup', kernel: '6.12-cloud' },
  { trigger: 'rcu-stall', geometry: 'reserved-across' },
  { trigger: 'init-exits', kernel: '5.10-cloud', level: '0', memory: '400' },
  { trigger: 'oom', fault: 'guest-ram', memory: '512' },
  { trigger: 'hung-task', kernel: '6.12-cloud' },
  { trigger: 'nmi', kernel: '7.x-cloud', fault: 'throw-in-dump' },
  { trigger: 'beside-deaf-cpu' },
  { trigger: 'machine-check', kernel: '6.12-cloud', fault: 'write-errors' },
  // Here a mapping of /proc/vmcore once hung; the cloud kernel with the same memory map did not hang.
  { trigger: 'other-cpu', kernel: '7.x-generic', geometry: 'reserved-top' },
  { fault: 'beside-dump', trigger: 'other-cpu' },
  { fault: 'grow-beside-dump', kernel: '6.12-cloud' },
  { fault: 'throw-at-load', cpus: '1' },
];
