/** The rules about imports, on the knots that this project once had: a rule that finds nothing must be able to. */
import { describe, expect, test } from 'vitest';
import { fileCycles, folderCycles, importsOf, upwardImports } from '../support/import-graph.ts';

const graphOf = (edges: Readonly<Record<string, readonly string[]>>) =>
  new Map(
    [
      ...Object.entries(edges),
      ...Object.values(edges).flatMap(files => files.map(file => [file, []] as const)),
    ].map(([file]) => [file, edges[file] ?? []] as const),
  );

const FLOORS = ['capture', 'initrd', 'scripts', 'build', 'qemu', 'test'];

describe('circles of files', () => {
  test.each([
    [
      'the flow of a capture',
      {
        'capture/capture.ts': ['capture/saving.ts'],
        'capture/saving.ts': ['capture/capture.ts', 'capture/errors.ts'],
      },
      ['capture/capture.ts', 'capture/saving.ts'],
    ],
    [
      'an architecture and the list of them',
      {
        'capture/kernel/arch/arch.ts': ['capture/kernel/arch/x86_64.ts'],
        'capture/kernel/arch/x86_64.ts': ['capture/kernel/arch/arch.ts'],
      },
      ['capture/kernel/arch/arch.ts', 'capture/kernel/arch/x86_64.ts'],
    ],
    [
      'a fault and the list of them',
      { 'qemu/faults.ts': ['qemu/faults/lean.ts'], 'qemu/faults/lean.ts': ['qemu/faults.ts'] },
      ['qemu/faults.ts', 'qemu/faults/lean.ts'],
    ],
    [
      'the arguments of dump, by way of a third file',
      {
        'scripts/dump/arguments.ts': ['scripts/dump/size-limit.ts'],
        'scripts/dump/size-limit.ts': ['scripts/dump/messages.ts'],
        'scripts/dump/messages.ts': ['scripts/dump/arguments.ts'],
      },
      ['scripts/dump/arguments.ts', 'scripts/dump/messages.ts', 'scripts/dump/size-limit.ts'],
    ],
  ])('%s', (_, edges, cycle) => expect(fileCycles(graphOf(edges))).toEqual([cycle]));

  test('two ways to one file are no circle', () =>
    expect(
      fileCycles(graphOf({ 'a/a.ts': ['a/b.ts', 'a/c.ts'], 'a/b.ts': ['a/d.ts'], 'a/c.ts': ['a/d.ts'] })),
    ).toEqual([]));
});

describe('circles of folders', () => {
  test('of two at the top, without one of files', () => {
    const graph = graphOf({
      'build/main.ts': ['qemu/cache.ts'],
      'qemu/cache.ts': ['build/file-lock.ts'],
    });
    expect(fileCycles(graph)).toEqual([]);
    expect(folderCycles(graph)).toEqual([['build', 'qemu']]);
  });

  test('deep below, whatever their files do above', () =>
    expect(
      folderCycles(
        graphOf({
          'scripts/lib/report/news.ts': ['scripts/lib/upload/deep/notify.ts'],
          'scripts/lib/upload/payload.ts': ['scripts/lib/report/text.ts'],
        }),
      ),
    ).toEqual([['scripts/lib/report', 'scripts/lib/upload']]));

  test('of a file and the folder beside it', () =>
    expect(
      folderCycles(
        graphOf({ 'qemu/faults.ts': ['qemu/faults/a.ts'], 'qemu/faults/b.ts': ['qemu/faults.ts'] }),
      ),
    ).toEqual([['qemu/faults', 'qemu/faults.ts']]));

  test('a folder and those below it are one neighbour', () =>
    expect(
      folderCycles(graphOf({ 'a/k/memory.ts': ['a/k/arch/choose.ts'], 'a/k/arch/x86.ts': ['a/v/elf.ts'] })),
    ).toEqual([]));
});

test('build may not import qemu, which may import build', () => {
  const graph = graphOf({ 'build/main.ts': ['qemu/cache.ts'], 'qemu/start.ts': ['build/paths.ts', 'zx'] });
  expect(upwardImports(graph, FLOORS)).toEqual(['build/main.ts -> qemu/cache.ts']);
});

test('imports of every form are seen', () => {
  const text = `import { a } from './a.ts';\nexport { b } from '../b.ts';\nimport 'zx';\nconst c = await import('./d/c.ts');`;
  expect(importsOf('qemu/x/y.ts', text)).toEqual(['qemu/x/a.ts', 'qemu/b.ts', 'zx', 'qemu/x/d/c.ts']);
});
