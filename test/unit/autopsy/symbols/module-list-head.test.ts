/** The list of modules, found in the data of a kernel by the modules that it leads to. */
import { expect, test } from 'vitest';
import { readWithGaps } from '../../../../capture/autopsy/image-scan.ts';
import { findModuleList, type Image } from '../../../../capture/autopsy/symbols/module-list-head.ts';
import { KernelError } from '../../../../capture/errors.ts';

const START = 0xffff_8000_0801_0000n;
const DATA = 0xffff_8000_0981_0000n;
const DATA_BYTES = 0x2000;
const HEAD = DATA + 0x610n;
const AREA = [0xffff_8000_0000_0000n, 0xffff_8000_0800_0000n] as const;
const WITH_AREA: Pick<Image, 'area'> = { area: AREA };
const OFFSETS: Readonly<Record<string, number>> = { 'module.list': 8, 'module.mkobj.mod': 0x60 };
const MODULES = [AREA[0] + 0x5000n, AREA[0] + 0x9000n];

/** Memory by words: the head's list of two modules. */
function linked(head = HEAD): Map<bigint, bigint> {
  const nodes = [head, ...MODULES.map(module => module + 8n)];
  const words = new Map<bigint, bigint>();
  nodes.forEach((node, i) => {
    words.set(node, nodes[(i + 1) % nodes.length]!);
    words.set(node + 8n, nodes[(i + nodes.length - 1) % nodes.length]!);
  });
  for (const module of MODULES) words.set(module + 0x60n, module);
  return words;
}

function find(words: ReadonlyMap<bigint, bigint>, { area } = WITH_AREA): bigint | undefined {
  const memory = {
    arch: { pageSizeBytes: 4096 },
    u64(address: bigint) {
      const word = words.get(address);
      if (word !== undefined) return word;
      throw new KernelError('NOT_HELD', { action: 'read a word', actual: 'the vmcore does not hold it' });
    },
    readVirtualUpTo(address: bigint, into: Uint8Array) {
      const view = new DataView(into.buffer, into.byteOffset, into.byteLength);
      for (let at = 0; at + 8 <= into.length; at += 8)
        view.setBigUint64(at, words.get(address + BigInt(at)) ?? 0n, true);
      return into.length;
    },
  } as unknown as Parameters<typeof findModuleList>[0] & Parameters<typeof readWithGaps>[0];
  const end = DATA + BigInt(DATA_BYTES);
  const data = { start: DATA, end, bytes: readWithGaps(memory, DATA, DATA_BYTES) };
  return findModuleList(memory, { offset: path => OFFSETS[path]! }, { start: START, data, area });
}

test('it is where both neighbours are modules', () => expect(find(linked())).toBe(HEAD));

test('modules that are near the image, and not in their area', () => {
  expect(find(linked(), { area: undefined })).toBe(HEAD);
});

test.each<[string, (words: Map<bigint, bigint>) => void]>([
  ['a module that has not its own address', words => words.set(MODULES[1]! + 0x60n, MODULES[0]!)],
  ['a module that the dump does not hold', words => words.delete(MODULES[0]! + 0x60n)],
  ['a neighbour that does not point back', words => words.set(MODULES[0]! + 16n, HEAD + 64n)],
])('%s: it is not found', (_, damage) => {
  const words = linked();
  damage(words);
  expect(find(words)).toBeUndefined();
});

test('no module is loaded', () => {
  expect(
    find(
      new Map([
        [HEAD, HEAD],
        [HEAD + 8n, HEAD],
      ]),
    ),
  ).toBeUndefined();
});
