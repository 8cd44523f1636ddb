/** Pages of 16 and 64 KiB, which arm64 has: libkdumpfile reads from our dumps what the vmcore has. The vmcores are built. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openCache } from '../../build/cache.ts';
import { fetchTool, type Tool } from '../../build/fetch/tools.ts';
import { EM_AARCH64 } from '../../capture/vmcore/machines.ts';
import { judgeContent } from '../../qemu/judges/content.ts';
import { buildVmcore } from '../support/vmcore-builder.ts';
import { OURS, withDump } from './vmcores.ts';

/** struct elf_prstatus of arm64 (Linux include/linux/elfcore.h). */
const PRSTATUS_BYTES = 392;
const PAGES = 40;
/** With nothing in them, which level 1 stores as one page. */
const EMPTY = [7, 9];

let libkdumpfile: Tool;
let directory: string;
beforeAll(async () => {
  libkdumpfile = await fetchTool(openCache(), 'libkdumpfile');
  directory = mkdtempSync(join(tmpdir(), 'kdumpling-page-sizes-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

/** Each page begins with its number; half of a page follows the last one. */
function memory(pageBytes: number): Uint8Array {
  const bytes = Buffer.alloc(PAGES * pageBytes + pageBytes / 2);
  for (let page = 0; page <= PAGES; page++) {
    if (!EMPTY.includes(page)) bytes.writeUInt32LE(page + 1, page * pageBytes);
  }
  return bytes;
}

describe.each([4096, 16384, 65536])('%i bytes', pageBytes => {
  let vmcore: string;
  beforeAll(() => {
    vmcore = join(directory, `${pageBytes}`);
    const vmcoreinfo = { OSRELEASE: '6.12.0-arm64', PAGESIZE: pageBytes };
    const loads = [{ paddr: 0x4000_0000, bytes: memory(pageBytes) }];
    const notesFirst = [{ name: 'CORE', type: 1, desc: new Uint8Array(PRSTATUS_BYTES) }];
    writeFileSync(vmcore, buildVmcore({ machine: EM_AARCH64, cpus: 0, notesFirst, vmcoreinfo, loads }));
  });

  test.each(['0', '1'])('every page of a dump of level %s has the bytes of the vmcore', async level => {
    const verdict = await withDump(OURS, ['-z', '-d', level], vmcore, dump =>
      judgeContent(libkdumpfile, { dump, vmcore }),
    );
    expect(verdict.problems).toEqual([]);
    expect(verdict.compared).toBe(PAGES + 1);
  });
});
