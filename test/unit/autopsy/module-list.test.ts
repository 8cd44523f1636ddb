import { describe, expect, test } from 'vitest';
import { readModuleList } from '../../../capture/autopsy/module-list.ts';
import { testDamage } from '../../support/damage.ts';
import { SmallKernel } from '../../support/small-kernel.ts';

const LAYOUT = {
  members: {
    'module.state': [0, 4],
    'module.name': [8, 1, 56],
    'module.taints': [64, 8],
    'module.refcnt.counter': [72, 4],
    'module.source_list': [80, 16],
    'module_use.source_list': [0, 16],
    'module_use.source': [32, 8],
  },
} as const;

const EXT4 = 0x10000n;
const JBD2 = 0x11000n;
const USES = [0x20000n, 0x20100n];

function build(): SmallKernel {
  const kernel = new SmallKernel(LAYOUT);
  addModule(kernel, 'ext4', EXT4, { state: 0, taints: 0, references: 4 });
  addModule(kernel, 'jbd2', JBD2, { state: 1, taints: (1 << 12) | (1 << 13), references: 3 });
  kernel.list(EXT4 + 80n, 'module_use.source_list', []);
  kernel.list(JBD2 + 80n, 'module_use.source_list', USES);
  kernel.set(USES[0]!, 'module_use.source', EXT4);
  kernel.set(USES[1]!, 'module_use.source', JBD2);
  return kernel;
}

interface Facts {
  readonly state: number;
  readonly taints: number;
  readonly references: number;
}

function addModule(kernel: SmallKernel, name: string, address: bigint, facts: Facts): void {
  kernel.set(address, 'module.state', facts.state);
  kernel.set(address, 'module.taints', facts.taints);
  kernel.set(address, 'module.refcnt.counter', facts.references);
  kernel.module({
    name,
    address,
    ranges: [
      { kind: 'text', start: address << 8n, sizeBytes: 4096 },
      { kind: 'data', start: (address << 8n) + 4096n, sizeBytes: 8192 },
    ],
  });
}

test('modules as lsmod shows them', () => {
  expect(readModuleList(build().open())).toEqual({
    found: [
      {
        name: 'ext4',
        address: EXT4,
        base: EXT4 << 8n,
        sizeBytes: 12288,
        state: 'Live',
        taints: '',
        references: 3,
        usedBy: [],
      },
      expect.objectContaining({ state: 'Loading', taints: 'OE', references: 2, usedBy: ['ext4', 'jbd2'] }),
    ],
    problems: [],
  });
});

test('without CONFIG_MODULE_UNLOAD nobody counts users', () => {
  const kernel = build();
  kernel.loseMember('module.source_list');
  const { found, problems } = readModuleList(kernel.open());
  expect(found[0]).not.toHaveProperty('references');
  expect(problems).toEqual([]);
});

test('a state that no kernel has', () => {
  const kernel = build();
  kernel.set(EXT4, 'module.state', 77);
  expect(readModuleList(kernel.open()).found[0]).not.toHaveProperty('state');
});

describe('damage', () => {
  // The names come with the list of modules.
  testDamage({ build, read: readModuleList, choices: ['module.source_list', 'module.name'] });
});
