/**
 * Is the dump on the disk the memory of the machine? Compares the captured dump with the memory that QEMU saw, and runs
 * `kdumpling dump` on QEMU's own dumps, both of whose formats come from a writer that is neither the kernel nor
 * makedumpfile.
 */
import { closeSync, existsSync, mkdtempSync, openSync, readSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PROJECT } from '../../build/paths.ts';
import { SystemError } from '../../capture/errors.ts';
import { runBounded } from '../judges/bounded-run.ts';
import { type ContentVerdict, judgeContent } from '../judges/content.ts';
import { readDumpMap } from '../judges/dump-map.ts';
import { guestRamFiles } from '../machine/guest-ram.ts';
import type { Check, Expectation } from './check.ts';

const LEVEL = '31';
/** The BIOS and the crash kernel's trampolines use memory below 1 MiB. */
const LOW_PAGES = 256;
/** Other pages that the crash kernel may write to before the machine is stopped. */
const MOST_CHANGED = 8;
const KDUMPLING = [process.execPath, join(PROJECT, 'scripts/kdumpling.ts')];
const OURS = [...KDUMPLING, 'dump'];
const VERIFY = [...KDUMPLING, 'verify'];
/** In disk_dump_header, of which the sub header with phys_base is a page apart. */
const UTSNAME_OFFSET = 12;
const UTSNAME_END = UTSNAME_OFFSET + 6 * 65;
const PAGE_BYTES = 4096;

export const judgeGuestRam: Expectation = async ({ directory, dumps }, judges) => {
  const { elf, flattened } = guestRamFiles(directory);
  const scratch = mkdtempSync(join(tmpdir(), 'kdumpling-guest-ram-'));
  try {
    const [captured = '', ofElf, rearranged, byMakedumpfile, ofKdump] = [
      join(dumps[0] ?? '', 'vmcore'),
      ...['of-elf', 'rearranged', 'by-makedumpfile', 'of-kdump'].map(name => join(scratch, name)),
    ] as [string, string, string, string, string];
    await make([...OURS, '-z', '-d', LEVEL, elf, ofElf]);
    const libkdumpfile = await judges.tool('libkdumpfile');
    const againstElf = (dump: string) => judgeContent(libkdumpfile, { dump, vmcore: elf });
    const ofCore = [
      sameMemory(await againstElf(captured)),
      samePages('a dump of QEMU’s ELF core keeps what was captured', captured, ofElf),
      sameBytes('and has its bytes', await againstElf(ofElf)),
    ];
    if (!existsSync(flattened)) return ofCore;
    await make([...OURS, '-R', rearranged], flattened);
    const makedumpfile = await judges.tool('makedumpfile');
    await make([...makedumpfile.argv, '-R', byMakedumpfile], flattened);
    await make([...OURS, '-z', '-d', LEVEL, rearranged, ofKdump]);
    return [
      ...ofCore,
      sameBytes('QEMU’s kdump-compressed dump, rearranged, has the ELF core’s', await againstElf(rearranged)),
      samePages('rearranged by makedumpfile it has the same pages', rearranged, byMakedumpfile),
      samePages('filtered again, it keeps what the ELF core gave', ofElf, ofKdump),
      sameBytes('and has its bytes', await againstElf(ofKdump)),
      sameHeader('and the header of what was captured', captured, ofKdump),
      await undamaged('and is whole by kdumpling verify', ofKdump),
    ];
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
};

/** All pages are the same, except the few that the crash kernel writes to. */
function sameMemory({ problems, different, compared }: ContentVerdict): Check {
  const others = problems.filter(text => !/with other bytes/.test(text));
  const changed = different.filter(pfn => pfn >= LOW_PAGES);
  return {
    what: 'what was captured is the memory that QEMU saw',
    holds: others.length === 0 && changed.length <= MOST_CHANGED && compared > 1000,
    saw:
      `${compared} pages the same, ${different.length} changed` +
      (different.length > 0 ? ` (pfn ${different.map(pfn => `0x${pfn.toString(16)}`).join(' ')})` : '') +
      others.map(text => `; ${text}`).join(''),
  };
}

function sameBytes(what: string, { passed, problems, compared }: ContentVerdict): Check {
  return { what, holds: passed, saw: passed ? `${compared} pages` : problems.join('; ') };
}

/** Both keep the same of the pages that exist in `one`. QEMU's memory has more: the crash kernel's own. */
function samePages(what: string, onePath: string, otherPath: string): Check {
  const [one, other] = [readDumpMap(onePath), readDumpMap(otherPath)];
  const unlike: number[] = [];
  for (let pfn = 0; pfn < Math.max(one.maxMapnr, other.maxMapnr); pfn++) {
    if (one.exists(pfn) && one.has(pfn) !== other.has(pfn)) unlike.push(pfn);
  }
  const kept = one.dataOffsets.length;
  return {
    what,
    holds: unlike.length === 0 && kept > 1000,
    saw: `${kept} pages kept, ${unlike.length} unlike${unlike
      .slice(0, 8)
      .map(pfn => ` 0x${pfn.toString(16)}`)
      .join('')}`,
  };
}

/** QEMU leaves the names of the utsname empty in its own header, and has another phys_base. */
function sameHeader(what: string, onePath: string, otherPath: string): Check {
  const facts = (path: string): string => {
    const head = readHead(path);
    const names = head
      .subarray(UTSNAME_OFFSET, UTSNAME_END)
      .toString('latin1')
      .split('\0')
      .filter(name => name);
    return `${names.join(' ')}, phys_base 0x${head.readBigUInt64LE(PAGE_BYTES).toString(16)}`;
  };
  const [one, other] = [facts(onePath), facts(otherPath)];
  return { what, holds: one === other && one.startsWith('Linux'), saw: other };
}

function readHead(path: string): Buffer {
  const head = Buffer.alloc(PAGE_BYTES + 8);
  const fd = openSync(path, 'r');
  readSync(fd, head, 0, head.length, 0);
  closeSync(fd);
  return head;
}

async function undamaged(what: string, path: string): Promise<Check> {
  const { exitCode, stdout } = await runBounded([...VERIFY, path], { timeoutSeconds: 300 });
  return { what, holds: exitCode === 0, saw: stdout.trim().split('\n').at(-1) ?? '' };
}

/** @throws SystemError GUEST_RAM with the program's last line */
async function make(argv: readonly string[], input?: string): Promise<void> {
  const { exitCode, stderr } = await runBounded(argv, { timeoutSeconds: 300, ...(input && { input }) });
  if (exitCode === 0) return;
  const actual = stderr.trim().split('\n').at(-1) ?? `exit code ${exitCode}`;
  throw new SystemError('GUEST_RAM', { action: `run ${argv.join(' ')}`, actual });
}
