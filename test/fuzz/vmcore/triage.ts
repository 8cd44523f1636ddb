/**
 * Triage dumps of vmcores that are damaged where the selection reads: it ends, within its bounds, with a refusal or with a
 * dump whose every page an independent reader finds. One that lacks a page of its own is marked incomplete.
 */
import { openNoneCodec } from '../../../capture/codecs/codec.ts';
import { BITS_PER_BYTE } from '../../../capture/filter/bitmap.ts';
import { bitmapHoles } from '../../../capture/kdump/write/bitmaps.ts';
import { choosePages, crashFacts } from '../../../capture/kdump/write/input.ts';
import { writeDump } from '../../../capture/kdump/write/writer.ts';
import { crashOf } from '../../../capture/kernel/crash.ts';
import { MOST_TRIAGE_BYTES, MOST_TRIAGE_PAGES, triageBitmap } from '../../../capture/triage/bitmap.ts';
import { selectTriage } from '../../../capture/triage/select.ts';
import { openVmcore, readPhysicalOrZeros } from '../../../capture/vmcore/open.ts';
import { openVmcoreFile } from '../../../capture/vmcore/reader.ts';
import { shortfallOf } from '../../../capture/vmcore/shortfall.ts';
import type { ByteSource } from '../../../capture/vmcore/source.ts';
import { leaveOutPartialPages } from '../../../scripts/lib/dump/kdump.ts';
import { crashedKernel } from '../../support/crashed-kernel.ts';
import { openKdump } from '../../support/kdump-reader.ts';
import { MemorySource } from '../../support/vmcore-builder.ts';
import { type Attacker, demand, type Kind, type Outcome, refusedOr } from '../kind.ts';
import { SparseFile } from '../sparse-file.ts';
import { type Base, openBase } from './base.ts';
import { MutantSource } from './mutant-source.ts';
import { mutate } from './mutations.ts';

const DUMP_LEVEL = 31;
/** DUMP_DH_COMPRESSED_INCOMPLETE, in `status`. */
const INCOMPLETE = 8;
/** Besides pages and bitmaps: headers, notes, descriptors, the shared zero page. */
const MOST_OTHER_BYTES = 8 << 20;
/** Notes may have any size, and are copied. */
const MOST_READ_BYTES = 48 << 20;

export const triages: Kind = {
  name: 'triage',
  share: 1,
  hangMs: 20_000,
  open: ({ vmcores }) =>
    triageAttacker([
      openTriageBase('a built kernel', new MemorySource(crashedKernel().build())),
      ...vmcores.map(path => openTriageBase(path, openVmcoreFile(path, undefined))),
    ]),
};

export function openTriageBase(name: string, source: ByteSource): Base {
  return openBase(name, source, watched => void dumpForTriage(watched));
}

export function triageAttacker(bases: readonly Base[]): Attacker {
  return random => {
    const base = random.pick(bases);
    const mutations = mutate(base, random);
    return {
      labels: [`of "${base.name}"`, ...mutations.map(({ label }) => label)],
      run: () => refusedOr(() => dumpForTriage(new MutantSource(base.source, mutations))),
    };
  };
}

/** As `kdumpling dump --triage`. @throws Failure when it is refused, Wrong */
function dumpForTriage(source: ByteSource): Outcome {
  const crash = crashOf(openVmcore(source));
  const { vmcore } = crash;
  const choice = choosePages(crash, DUMP_LEVEL);
  const { bitmap2, dumpLevel, lacksMemory } = choice;
  const shortfall = shortfallOf(vmcore, bitmap2.sizeBits);
  leaveOutPartialPages(vmcore, shortfall, bitmap2);
  const isHeld = (pfn: number) => bitmap2.has(pfn);
  const triage = selectTriage(vmcore, { isHeld, mostPages: MOST_TRIAGE_PAGES });
  demand(new Set(triage.pfns).size === triage.pfns.length, 'a page is chosen twice');
  demand(triage.pfns.every(isHeld), 'a page is chosen that the dump does not have');
  const codec = openNoneCodec();
  const kept = triageBitmap({ vmcore, dumpLevel, codec }, bitmap2, triage.pfns).bitmap2;
  const isInputIncomplete = lacksMemory || shortfall.segments > 0 || shortfall.programHeaders > 0;
  const file = new SparseFile();
  const { counts, layout } = writeDump(
    {
      ...crashFacts(crash),
      bitmap2: kept,
      bitmap1: 'nearKept',
      dumpLevel,
      codec,
      digestAlgorithm: 'none',
      unreadableAs: 'missing',
      isInputIncomplete,
    },
    file,
  );
  demand(
    counts.bytesWritten === file.sizeBytes,
    `${counts.bytesWritten} bytes announced, ${file.sizeBytes} written`,
  );
  const bitmaps = { segments: vmcore.segments.segments, bitmap1: 'nearKept' as const, bitmap2: kept };
  const holeBytes = bitmapHoles(layout, bitmaps).reduce((sum, { start, end }) => sum + end - start, 0);
  const takenBytes = file.sizeBytes - holeBytes - vmcore.noteBytes.length;
  demand(takenBytes <= MOST_TRIAGE_BYTES + MOST_OTHER_BYTES, `it takes ${takenBytes} bytes`);
  demand(
    kept.bytes.length <= MOST_TRIAGE_BYTES / 4 || !kept.chunks,
    `its bitmap has ${kept.bytes.length} bytes`,
  );

  const isMarked = (file.head[424]! & INCOMPLETE) !== 0;
  demand(isMarked === (counts.pagesMissing > 0 || isInputIncomplete), `marked incomplete: ${isMarked}`);
  if (file.sizeBytes <= MOST_READ_BYTES && layout.bitmapBytes * BITS_PER_BYTE <= 2 ** 24)
    requirePages(file.bytes(), vmcore, isMarked);
  return isMarked ? 'noticed' : 'read';
}

/** By a reader that shares no code with the writer. A dump that is not marked has each of its pages, as the vmcore has it. */
function requirePages(bytes: Buffer, vmcore: ReturnType<typeof openVmcore>, isMarked: boolean): void {
  const dump = openKdump(bytes);
  const { blockSize, maxMapnr64 } = dump.header;
  const wanted = Buffer.alloc(blockSize);
  let pages = 0;
  for (let pfn = 0; pfn < maxMapnr64 && pages < dump.descriptorCount; pfn++) {
    if (!dump.isDumpable(pfn)) continue;
    pages++;
    demand(dump.isPresent(pfn), `page ${pfn} is kept and does not exist`);
    const page = dump.readPage(pfn);
    if (typeof page === 'string') {
      demand(isMarked, `page ${pfn} is ${page} in a dump that is not marked incomplete`);
      continue;
    }
    wanted.fill(0);
    readPhysicalOrZeros(vmcore, pfn * blockSize, wanted);
    demand(page.equals(wanted), `page ${pfn} differs from the vmcore's`);
  }
  demand(pages === dump.descriptorCount, `${dump.descriptorCount} descriptors for ${pages} pages`);
}
