/** The machines that `npm run scale` grows from a real vmcore. On real ones, test/conformance/scale.test.ts checks them. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { choosePages } from '../../../capture/kdump/write/input.ts';
import { openCrash } from '../../../capture/kernel/crash.ts';
import { openVmcoreFile } from '../../../capture/vmcore/reader.ts';
import { writeSparseMachine } from '../../scale/sparse-machine.ts';
import { type Tiling, writeTiledMachine } from '../../scale/tiled-machine.ts';

const GIB = 2 ** 30;
const SECTION = 2 ** 15;
/** Of each 1024 pages of a section in use. */
const IN_USE = { kernel: 64, user: 448, cache: 256, free: 256 };
/** The source has four sections, two of them in use; of five copies the first and the fifth are of the same one. */
const SLOTS = 5;

let dir: string;
let path: string;
let tiling: Tiling;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'kdumpling-tiled-'));
  const source = join(dir, 'source');
  path = join(dir, 'tiled');
  writeSparseMachine({ path: source, sizeBytes: GIB / 2, usedSections: 2 });
  // The built kernel's tables are in pages that its own memmap calls a process's.
  tiling = writeTiledMachine({ source, path, addedBytes: 64 * GIB, slots: SLOTS, level: 0 });
});
afterAll(() => rmSync(dir, { recursive: true }));

test('each whole section of the source is taken, and all of the added memory looks like one of them', () => {
  expect(tiling.tiles.map(({ start, end }) => [start / SECTION, end / SECTION])).toEqual([
    [0, 1],
    [1, 2],
    [2, 3],
    [3, 4],
  ]);
  const sections = tiling.sectionsOfTile;
  expect(sections.reduce((sum, count) => sum + count)).toBe(512);
  expect(sections[0]).toBeGreaterThanOrEqual(2 * sections[1] - 2);
  expect(Math.min(...sections)).toBeGreaterThan(100);
});

test('the classes of the added memory are those of the sections that it was made of', () => {
  const source = openVmcoreFile(path, undefined);
  try {
    const crash = openCrash(source);
    expect(crash.warnings).toEqual([]);
    const { pages, warnings, bitmap2 } = choosePages(crash, 31);
    expect(warnings).toEqual([]);
    // The source's own memory is still there.
    const inUse = 2 + tiling.sectionsOfTile[0] + tiling.sectionsOfTile[1];
    const free = 2 + tiling.sectionsOfTile[2] + tiling.sectionsOfTile[3];
    const chunks = inUse * (SECTION / 1024);
    expect(pages).toMatchObject({
      kernel: IN_USE.kernel * chunks,
      user: IN_USE.user * chunks,
      cache: IN_USE.cache * chunks,
      free: IN_USE.free * chunks + free * SECTION,
    });
    expect(bitmap2.sizeBits).toBe(tiling.added.end);
    expect(bitmap2.count()).toBe(IN_USE.kernel * chunks);
  } finally {
    source.close();
  }
});

test('a vmcore without a whole section is refused', () => {
  const small = join(dir, 'small');
  writeSparseMachine({ path: small, sizeBytes: 2 ** 26, usedSections: 1 });
  expect(() =>
    writeTiledMachine({ source: small, path: join(dir, 'none'), addedBytes: GIB, slots: 1 }),
  ).toThrow('the vmcore holds no whole section');
});
