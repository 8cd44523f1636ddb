/** Which random flipped bits and cuts a check detects: by the manifest's digests, and from the file alone. */
import { afterAll, describe, expect, test } from 'vitest';
import { openPageCodecs } from '../../../../capture/codecs/decompressors.ts';
import { openCodec } from '../../../../capture/codecs/open.ts';
import { CODECS, type CodecName } from '../../../../capture/codecs/table.ts';
import { openFfi } from '../../../../capture/ffi/library.ts';
import { checkSteps } from '../../../../capture/kdump/check/check.ts';
import { damagedRegions } from '../../../../capture/kdump/format/digest.ts';
import { finish } from '../../../../capture/kdump/steps.ts';
import { openKdump } from '../../../support/kdump-reader.ts';
import { Random } from '../../../support/random.ts';
import { encodeNotes, MemorySource, vmcoreinfoText } from '../../../support/vmcore-builder.ts';
import { dump, machine, PAGE, pageOf, UTSNAME } from '../fixture.ts';

/** Parts of the head where only a digest detects damage: names and times that are stored once. */
const FREE_HEAD_BYTES = [
  [12, 142],
  [207, 424],
  [444, 464],
] as const;

const FLIPS = 200;
const SEED = 20261121;
const PAGES = 280;
const ffi = openFfi();
const opened: { close(): void }[] = [];
afterAll(() => opened.forEach(codec => void codec.close()));

/** A page that shrinks to about a third with any codec, as most kernel pages do. */
function kernelLike(seed: number): Buffer {
  const random = new Random(seed);
  const words = Array.from({ length: 48 }, () => random.bytes(12 + random.below(20)));
  const page = Buffer.alloc(PAGE);
  for (let at = 0; at < PAGE; ) at += random.pick(words).copy(page, at);
  return page;
}

function make(name: CodecName, pageAt: (pfn: number) => Buffer) {
  const desc = vmcoreinfoText({ OSRELEASE: UTSNAME.release, 'NUMBER(phys_base)': -0x1000 });
  const noteBytes = Buffer.from(encodeNotes([{ name: 'VMCOREINFO', type: 0, desc }]));
  const vmcore = {
    ...machine([{ start: 0x3000, end: 0x3000 + PAGES * PAGE }], pageAt, { noteBytes }),
    vmcoreinfoOffset: 24,
    vmcoreinfoBytes: noteBytes.subarray(24, 24 + desc.length),
  };
  const codec = openCodec(ffi, { name, pageSizeBytes: PAGE });
  opened.push(codec);
  const { file, result } = dump(vmcore, { codec, digestAlgorithm: 'crc32' });
  return { bytes: Buffer.from(file.bytes), result };
}

const usual = (pfn: number) => (pfn % 7 === 0 ? pageOf('zero', pfn) : kernelLike(pfn));

function check(bytes: Buffer) {
  return finish(checkSteps(new MemorySource(bytes), openPageCodecs(ffi)));
}

/** By a reader that shares no code with the check. */
function readsAsBefore(bytes: Buffer): boolean {
  const kdump = openKdump(bytes);
  for (let pfn = 3; pfn < 3 + PAGES; pfn++) {
    if (!usual(pfn).equals(kdump.readPage(pfn) as Buffer)) return false;
  }
  return true;
}

function regionOf(at: number, digest: ReturnType<typeof make>['result']['digest']): string {
  return digest.regions.find(({ offset, sizeBytes }) => at < offset + sizeBytes)!.name;
}

describe.each(CODECS)('$name', ({ name, hasChecksum }) => {
  const { bytes, result } = make(name, usual);
  const { digest } = result;

  test('a whole dump has no damage', () => {
    expect(check(bytes)).toEqual({
      damage: [],
      isIncomplete: false,
      pages: PAGES,
      // lzo and snappy have no checksum; the zero pages are compared with zeros.
      pagesUnprotected: hasChecksum ? 0 : PAGES - PAGES / 7,
      pagesMissing: 0,
    });
    expect(damagedRegions(new MemorySource(bytes), digest)).toEqual([]);
  });

  test(`${FLIPS} random flipped bits`, () => {
    const random = new Random(SEED);
    let byManifest = 0;
    const unseen: string[] = [];
    let harmless = 0;
    for (let i = 0; i < FLIPS; i++) {
      const [at, mask] = [random.below(bytes.length), 1 << random.below(8)];
      bytes[at] ^= mask;
      const region = regionOf(at, digest);
      if (damagedRegions(new MemorySource(bytes), digest).join() === region) byManifest++;
      if (check(bytes).damage.length === 0) {
        unseen.push(`${region} ${at}`);
        if (hasChecksum && readsAsBefore(bytes)) harmless++;
      }
      bytes[at] ^= mask;
    }
    const seen = FLIPS - unseen.length;
    console.log(
      `${name}, seed ${SEED}: of ${FLIPS} flips ${byManifest} seen by the digest, ${seen} without it; ` +
        `of the others ${harmless} leave every page as it was`,
    );
    expect(byManifest).toBe(FLIPS);
    // Two ways to code the same page may be one bit apart.
    if (hasChecksum) expect(unseen.length).toBe(harmless);
    if (hasChecksum) expect(seen).toBeGreaterThan(FLIPS - 3);
  });

  test('flipped bits of the head are detected without a digest, except in names, times and flags', () => {
    const random = new Random(SEED + 2);
    const unseen: number[] = [];
    for (let i = 0; i < FLIPS; i++) {
      const [at, mask] = [random.below(digest.regions[0].sizeBytes), 1 << random.below(8)];
      bytes[at] ^= mask;
      if (check(bytes).damage.length === 0) unseen.push(at);
      bytes[at] ^= mask;
    }
    console.log(`${name}: of ${FLIPS} flips in the head ${FLIPS - unseen.length} seen without the digest`);
    const isFree = (at: number) => FREE_HEAD_BYTES.some(([start, end]) => at >= start && at < end);
    expect(unseen.filter(at => at < PAGE && !isFree(at))).toEqual([]);
    expect(unseen.length).toBeLessThan(FLIPS / 10);
  });

  test('flipped bits of descriptors are detected without a digest', () => {
    const { offset, sizeBytes } = digest.regions[1];
    const random = new Random(SEED + 1);
    for (let i = 0; i < FLIPS; i++) {
      const [at, mask] = [offset + random.below(sizeBytes), 1 << random.below(8)];
      bytes[at] ^= mask;
      expect(check(bytes).damage.length, `byte ${at}`).toBeGreaterThan(0);
      bytes[at] ^= mask;
    }
  });

  test('every truncation at a boundary', () => {
    const { layout } = result;
    const ends = [
      464,
      PAGE,
      PAGE + 104,
      layout.bitmap1Offset,
      layout.bitmap2Offset,
      layout.descriptorsOffset,
    ];
    for (let i = 0; i <= PAGES; i += 7) ends.push(layout.descriptorsOffset + i * 24);
    for (let i = 0; i < PAGES; i++) {
      const at = layout.descriptorsOffset + i * 24;
      if (i % 7 === 1)
        ends.push(
          Number(bytes.readBigInt64LE(at)),
          Number(bytes.readBigInt64LE(at)) + bytes.readUInt32LE(at + 8),
        );
    }
    ends.push(bytes.length);
    for (const end of ends) {
      for (const cut of [end - 1, end, end + 1]) {
        if (cut >= bytes.length || cut <= 0) continue;
        const rest = bytes.subarray(0, cut);
        expect(check(rest).damage.length, `cut at ${cut}`).toBeGreaterThan(0);
        expect(damagedRegions(new MemorySource(rest), digest).length).toBeGreaterThan(0);
      }
    }
  });
});

test('uncompressed pages have no checksum: their flipped bits need the manifest', () => {
  const { bytes, result } = make('zstd', pfn => (pfn % 50 === 9 ? pageOf('noise', pfn) : kernelLike(pfn)));
  expect(check(bytes).pagesUnprotected).toBe(6);
  const at = Number(bytes.readBigInt64LE(result.layout.descriptorsOffset + 6 * 24));
  bytes[at + 5] ^= 1;
  expect(check(bytes).damage).toEqual([]);
  expect(damagedRegions(new MemorySource(bytes), result.digest)).toEqual(['data']);
});

test('damage names the region and the pages', () => {
  const { bytes, result } = make('zstd', kernelLike);
  const descriptor = result.layout.descriptorsOffset + 100 * 24;
  bytes[Number(bytes.readBigInt64LE(descriptor)) + 20] ^= 1;
  expect(check(bytes).damage).toEqual([
    {
      kind: 'damage',
      region: 'data',
      text: 'it does not decompress into a page',
      pfns: { start: 103, end: 104 },
      pages: 1,
    },
  ]);
  bytes[424] |= 8;
  expect(check(bytes).damage.at(-1)).toEqual({
    kind: 'incomplete',
    region: 'file',
    text: `it is marked incomplete, although it has all of its ${PAGES} pages`,
  });
});
