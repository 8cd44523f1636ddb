import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { findCommand } from '../../../../build/host/host-packages.ts';
import { readPartitionNames } from '../../../../capture/storage/device/partition-table.ts';

const FIRST = '11111111-2222-3333-4444-5566778899aa';
const SECOND = 'deadbeef-2222-3333-4444-5566778899aa';

/** A disk partitioned by sfdisk (util-linux). */
function disk(script: string): Buffer {
  const directory = mkdtempSync(join(tmpdir(), 'kdumpling-table-'));
  const path = join(directory, 'disk');
  writeFileSync(path, '');
  truncateSync(path, 8 << 20);
  execFileSync(findCommand('sfdisk')!, ['-q', path], { input: script, stdio: ['pipe', 'pipe', 'pipe'] });
  const bytes = readFileSync(path);
  rmSync(directory, { recursive: true });
  return bytes;
}

const names = (bytes: Buffer) =>
  readPartitionNames((offset, length) => bytes.subarray(offset, offset + length), bytes.length, 512);

describe.skipIf(!findCommand('sfdisk'))('tables by sfdisk', () => {
  const script = `label: gpt\nsize=2048, uuid=${FIRST}, name="kdump of mine"\nsize=2048, uuid=${SECOND}, name="Größe"\n`;

  test('GPT: UUID and label of each partition', () => {
    const of = names(disk(script));
    expect([1, 2, 3, 0, 129].map(of)).toEqual([
      { uuid: FIRST, label: 'kdump of mine' },
      { uuid: SECOND, label: 'Größe' },
      undefined,
      undefined,
      undefined,
    ]);
  });

  test('the backup table is used when the first is damaged', () => {
    for (const at of [512, 512 + 16, 512 + 72, 1024 + 56]) {
      const bytes = disk(script);
      bytes[at] ^= 1;
      expect(names(bytes)(1)?.uuid).toBe(FIRST);
    }
  });

  test('with both damaged, there are no names', () => {
    const bytes = disk(script);
    bytes[512] ^= 1;
    bytes[bytes.length - 512] ^= 1;
    // The protective MBR is left; its signature is 0.
    expect(names(bytes)(1)?.uuid).toBe('00000000-01');
  });

  test('MBR: the signature of the disk, and the partition’s number', () => {
    const of = names(disk('label: dos\nlabel-id: 0x1a2b3c4d\nsize=2048\n'));
    expect(of(1)).toEqual({ uuid: '1a2b3c4d-01', label: '' });
    expect(of(12)?.uuid).toBe('1a2b3c4d-0c');
  });

  test('a disk cut at any sector does not throw', () => {
    const bytes = disk(script);
    for (let length = 0; length < 8192; length += 256) {
      expect(() => names(bytes.subarray(0, length))(1)).not.toThrow();
    }
  });
});

test('a disk without a table', () => expect(names(Buffer.alloc(1 << 20))(1)).toBeUndefined());
