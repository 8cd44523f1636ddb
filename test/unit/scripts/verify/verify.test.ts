/** `kdumpling verify` as its users type it: what is found, what is said, the exit code. */
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openNodeCodec } from '../../../../capture/codecs/open.ts';
import { encodeFlattenedHeader, encodeRecordHeader } from '../../../../capture/kdump/format/flattened.ts';
import { runCommand } from '../../../../scripts/lib/cli/command.ts';
import { verify } from '../../../../scripts/verbs/verify.ts';
import { manifestDump, manifestOf } from '../../../support/manifest.ts';
import { buildVmcore, encodeNotes, vmcoreinfoText } from '../../../support/vmcore-builder.ts';
import { dump, machine, PAGE, pageOf, UTSNAME } from '../../kdump/fixture.ts';

let said: string[];
let dir: string;
beforeEach(() => {
  said = [];
  const take = (text: string) => void said.push(text);
  vi.spyOn(console, 'error').mockImplementation(take);
  vi.spyOn(console, 'log').mockImplementation(take);
  dir = mkdtempSync(join(tmpdir(), 'kdumpling-verify-'));
});
afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
  rmSync(dir, { recursive: true });
});

const desc = vmcoreinfoText({ OSRELEASE: UTSNAME.release });
const noteBytes = Buffer.from(encodeNotes([{ name: 'VMCOREINFO', type: 0, desc }]));
const pageAt = (pfn: number) => pageOf(pfn % 3 ? 'text' : 'zero', pfn);
const { file, result } = dump(
  {
    ...machine([{ start: 0, end: 64 * PAGE }], pageAt, { noteBytes }),
    vmcoreinfoOffset: 24,
    vmcoreinfoBytes: noteBytes.subarray(24, 24 + desc.length),
  },
  { codec: openNodeCodec('zstd', PAGE), digestAlgorithm: 'crc32' },
);
const MANIFEST = manifestOf('2026-11-21T22:02:34Z', {
  dump: manifestDump({ bytes: file.bytes.length, digest: result.digest }),
});

function place(bytes: Uint8Array, manifest: unknown = MANIFEST, name = 'vmcore'): string {
  writeFileSync(join(dir, name), bytes);
  if (manifest !== null) writeFileSync(join(dir, 'manifest.json'), JSON.stringify(manifest));
  return join(dir, name);
}

async function run(...argv: string[]): Promise<string> {
  process.exitCode = undefined;
  said = [];
  await runCommand(verify, argv);
  return `${process.exitCode}: ${said.join('\n').replaceAll(dir, 'DIR')}`;
}

function flipped(at: number): Buffer {
  const bytes = Buffer.from(file.bytes);
  bytes[at] ^= 1;
  return bytes;
}

const firstPage = Number(file.bytes.readBigInt64LE(result.layout.descriptorsOffset + 24));

test('an incomplete dump is not whole, even if every byte is as it was written', async () => {
  const pages = { ...MANIFEST.dump!.pages, missing: 7 };
  const dump = { ...MANIFEST.dump, name: 'vmcore-incomplete', pages };
  place(file.bytes, { ...MANIFEST, state: 'incomplete', dump }, 'vmcore-incomplete');
  expect(await run(dir)).toBe(
    '1: DIR/vmcore-incomplete: file: its bytes are as they were written, but it lacks 7 pages\nDIR/vmcore-incomplete: INCOMPLETE',
  );
});

describe('the triage dump of a dump that is incomplete', () => {
  const triage = { ...MANIFEST.dump!, name: 'vmcore-triage' };
  const incomplete = {
    ...MANIFEST,
    state: 'incomplete',
    triage,
    dump: { ...triage, name: 'vmcore-incomplete' },
  };
  beforeEach(() => {
    place(flipped(firstPage), incomplete, 'vmcore-incomplete');
    place(file.bytes, null, 'vmcore-triage');
  });

  test('is checked in its place, which makes the dump no better', async () => {
    expect(await run(dir)).toBe(
      [
        '1: DIR/vmcore-triage: vmcore-incomplete was not finished, so vmcore-triage is checked in its place',
        "DIR/vmcore-triage: whole, 0.0 MB, every byte matches the manifest's digests",
      ].join('\n'),
    );
    const json = JSON.parse((await run('--json', dir)).slice(3));
    expect(json).toMatchObject({ whole: true, standsInBecause: 'vmcore-incomplete was not finished' });
  });

  test('is whole when it is what was asked for, and the incomplete dump is damaged', async () => {
    expect(await run(join(dir, 'vmcore-triage'))).toMatch(/^0: DIR.vmcore-triage: whole, /);
    expect(await run(join(dir, 'vmcore-incomplete'))).toMatch(/^1: DIR.vmcore-incomplete: .*DAMAGED$/s);
  });
});

test('a file with holes has both sizes', async () => {
  const path = place(buildVmcore({ loads: [{ paddr: 0, bytes: new Uint8Array(PAGE) }] }), null);
  truncateSync(path, 1 << 20);
  expect(await run(path)).toMatch(/^0: .*whole, 1\.0 MB \(\d+\.\d kB on disk\), its headers checked/);
});

describe('a whole dump', () => {
  test('by its manifest, given the directory or the file', async () => {
    const path = place(file.bytes);
    const whole = "0: DIR/vmcore: whole, 0.0 MB, every byte matches the manifest's digests";
    expect(await run(dir)).toBe(whole);
    expect(await run(path)).toBe(whole);
  });

  test('by itself', async () => {
    place(file.bytes);
    expect(await run('--no-manifest', dir)).toBe('0: DIR/vmcore: whole, 0.0 MB, 64 pages checked');
    rmSync(join(dir, 'manifest.json'));
    expect(await run(dir)).toBe('0: DIR/vmcore: whole, 0.0 MB, 64 pages checked');
  });

  test('an ELF core, by its headers', async () => {
    const core = buildVmcore({ loads: [{ paddr: 0, bytes: new Uint8Array(8192) }] });
    const path = place(core, null, 'core');
    expect(await run(path)).toMatch(/^0: .*whole/);
    writeFileSync(path, core.subarray(0, -1));
    expect(await run(path)).toMatch(
      /^1: DIR\/core: head: PT_LOAD in program header 1: truncated.*\n.*data: it has/,
    );
  });
});

describe('a damaged dump', () => {
  test('names the region and the page', async () => {
    place(flipped(firstPage + 9));
    expect(await run(dir)).toBe(
      [
        "1: DIR/vmcore: data: its digest (crc32) differs from the manifest's",
        'DIR/vmcore: data: page 1: it does not decompress into a page',
        'DIR/vmcore: DAMAGED',
      ].join('\n'),
    );
  });

  test('without its manifest too', async () => {
    place(flipped(firstPage + 9), null);
    expect(await run(dir)).toBe(
      '1: DIR/vmcore: data: page 1: it does not decompress into a page\nDIR/vmcore: DAMAGED',
    );
  });

  test('a byte short, as JSON', async () => {
    place(file.bytes.subarray(0, -1));
    const [exitCode, json] = (await run('--json', dir)).split(/: ([\s\S]*)/);
    expect(exitCode).toBe('1');
    const verdict = JSON.parse(json);
    expect(verdict).toMatchObject({ whole: false, by: 'manifest', bytes: file.bytes.length - 1 });
    expect(verdict.damage[0]).toEqual({
      kind: 'damage',
      region: 'file',
      text: `it has ${file.bytes.length - 1} bytes; ${file.bytes.length} were written`,
    });
  });

  test('an incomplete one', async () => {
    const bytes = Buffer.from(file.bytes);
    bytes[424] |= 8;
    place(bytes, null, 'vmcore-incomplete');
    expect(await run(dir)).toMatch(
      /^1: .*it is marked incomplete, although it has all of its 64 pages\n.*INCOMPLETE$/,
    );
  });

  test('a file that is not a dump', async () => {
    place(Buffer.alloc(5000, 0x55), null);
    expect(await run(dir)).toMatch(/^1: DIR\/vmcore: head: Cannot read the dump's signature/);
  });
});

test.each<[string, typeof result.digest.regions]>([
  ['no region', []],
  ['all regions but the last', result.digest.regions.slice(0, -1)],
])('a manifest with digests of %s proves nothing', async (_, regions) => {
  const digest = { ...result.digest, regions };
  const manifest = { ...MANIFEST, dump: manifestDump({ bytes: file.bytes.length, digest }) };
  place(flipped(firstPage), manifest);
  expect(await run(dir)).toMatch(/^1: .*the manifest has digests of \d+ bytes; expected digests of all \d+/);
});

test('an ELF core has no checksums, and the verdict says so', async () => {
  place(buildVmcore({ loads: [{ paddr: 0, bytes: new Uint8Array(PAGE) }] }), null);
  expect(await run(dir)).toMatch(/^0: .*whole, .* MB, its headers checked; its pages have no checksums$/);
});

describe('a flattened dump, as kdump-tools makes it', () => {
  function flattened(bytes: Uint8Array): Buffer {
    const pieces: Uint8Array[] = [encodeFlattenedHeader()];
    for (let at = 0; at < bytes.length; at += 5000) {
      const piece = bytes.subarray(at, at + 5000);
      pieces.push(encodeRecordHeader(BigInt(at), BigInt(piece.length)), piece);
    }
    return Buffer.concat([...pieces, encodeRecordHeader(-1n, -1n)]);
  }

  test('whole', async () => {
    place(flattened(file.bytes), null, 'vmcore.flat');
    expect(await run(dir)).toMatch(/^0: DIR\/vmcore.flat: whole, .* 64 pages/);
  });

  test('cut', async () => {
    const stream = flattened(file.bytes);
    place(stream.subarray(0, stream.length - 16), null, 'vmcore.flat');
    expect(await run(dir)).toMatch(
      /^1: DIR\/vmcore.flat: file: the flattened stream does not end with its end mark/,
    );
    place(stream.subarray(0, stream.length - 6000), null, 'vmcore.flat');
    expect(await run(dir)).toMatch(/DAMAGED$/);
  });

  test('a byte that flipped', async () => {
    place(flattened(flipped(firstPage)), null, 'vmcore.flat');
    expect(await run(dir)).toMatch(/^1: .*DAMAGED$/s);
  });
});

describe('nothing to verify', () => {
  test.each<[string, string[]]>([
    ['two', ['a', 'b']],
    ['a path that is not there', ['/nonexistent/x']],
    ['an unknown option', ['--fast', 'x']],
  ])('%s is wrong usage', async (_, argv) => {
    expect(await run(...argv)).toMatch(/^2: Cannot /);
  });

  test('an empty directory', async () => {
    expect(await run(dir)).toBe(
      '2: Cannot find a dump in DIR: it holds no dump; expected the directory or the file of a dump',
    );
  });

  test('the dump that the manifest names is gone', async () => {
    place(file.bytes);
    rmSync(join(dir, 'vmcore'));
    expect(await run(dir)).toMatch(/^1: Cannot open DIR\/vmcore/);
  });

  test.each<[string, unknown, RegExp]>([
    ['another format', { format: 2 }, /its format is 2, of a newer kdumpling; expected 1/],
    ['no digest', { ...MANIFEST, dump: { ...MANIFEST.dump, digest: undefined } }, /dump.digest is missing/],
  ])('a manifest with %s', async (_, manifest, text) => {
    place(file.bytes, manifest);
    expect(await run(dir)).toMatch(text);
    expect(process.exitCode).toBe(1);
    expect(await run('--no-manifest', dir)).toMatch(/^0/);
  });
});
