import { expect, test } from 'vitest';
import { memoryReader } from '../../../../capture/autopsy/tasks/task-memory.ts';
import { SmallKernel } from '../../../support/small-kernel.ts';

const MM = 0x1000n;
const PARTS = 0x3000n;

test('a CPU that the panic took out of the online ones has its part of a process', () => {
  const small = new SmallKernel({
    members: {
      'mm_struct.total_vm': [0, 8],
      'mm_struct.rss_stat': [8, 16],
      'percpu_counter.count': [0, 8],
      'percpu_counter.counters': [8, 8],
    },
    // The three counters are in one place here.
    enums: { mm_counter: { MM_FILEPAGES: 0, MM_ANONPAGES: 0, MM_SHMEMPAGES: 0 } },
  });
  small.number(MM, 8, 500);
  small.number(MM + 8n, 8, 100);
  small.number(MM + 16n, 8, Number(PARTS));
  // Of two CPUs.
  small.number(PARTS, 4, -3);
  small.number(PARTS + 4096n, 4, 20);
  const kernel = small.open();
  const stopped = { ...kernel, perCpu: { ...kernel.perCpu, online: [0] } };
  expect(memoryReader(stopped, 4096).of(MM, 0)).toEqual({
    virtualBytes: 500 * 4096,
    residentBytes: 3 * 117 * 4096,
  });
});
